package workspace_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
	"github.com/stretchr/testify/require"
)

func TestTheBuiltCommandAnswersHostileRequestsAsTheCatalogueSays(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	for i, c := range testutil.GitRequests(t, "../gitcredential/testdata/requests.txt") {
		run := call
		if i%8 == 0 { // a process does the same
			run = start
		}
		r := run(t, env, c.Input, "get")
		switch c.Outcome {
		case "answer":
			require.NotEmpty(t, r.Answered(t), c.Name)
		case "nothing":
			require.Equal(t, result{}, r, c.Name)
		default:
			r.Failed(t)
		}
	}
}

func TestTheBuiltCommandRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	env := newPlatform(t, &workspacetest.Mint{}).Env(t, "ws-1")
	require.Contains(t,
		start(t, env, request[:len(request)-1]+"x="+strings.Repeat("y", 1<<20)+"\n", "get").Failed(t),
		"longer than")
	require.Contains(t, start(t, env, strings.Repeat("a=b\n", 1_000_000), "get").Failed(t),
		"larger than")
}

func TestWhatGitDoesNotSayIsAMistakeAndWhatItMaySayOnceIsIgnored(t *testing.T) {
	t.Parallel()
	env := newPlatform(t, &workspacetest.Mint{}).Env(t, "ws-1")
	for _, args := range [][]string{{"GET"}, {"list"}, {"get;id"}, {""}} {
		require.Equal(t, result{}, call(t, env, request, args...), "%q", args)
	}
	for _, args := range [][]string{
		{"get", "get"}, {"list", "x"}, {"--verbose"}, {"token", "--yaml"}, {"get", "--help"}, {"store", "x"},
	} {
		call(t, env, request, args...).Failed(t)
	}
	r := call(t, env, request)
	require.Equal(t, 1, r.Code)
	require.Empty(t, r.Stdout)
	require.Contains(t, r.Stderr, "Usage:")
}

func TestAnUnknownWordIsAMistakeWhereNoGitCanHaveWrittenARequest(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull) // a character device, as a terminal is
	require.NoError(t, err)
	defer null.Close()
	var stderr strings.Builder
	c := &workspace.Command{Args: []string{"git-credential-provisionkit", "tokn"}, Stdin: null, Stderr: &stderr}
	require.Equal(t, 1, c.Run(t.Context()))
	require.Contains(t, stderr.String(), "no such subcommand")
}

func TestTheZeroCommandPrintsNothingAndFails(t *testing.T) {
	t.Parallel()
	require.Equal(t, 1, (&workspace.Command{}).Run(t.Context()))
	require.Equal(t, 1, (&workspace.Command{Args: []string{"x", "get"}}).Run(t.Context()))
}

func TestVersionSaysWhatWasBuiltAndThePlatformHearsIt(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	r := start(t, nil, "", "version")
	require.Zero(t, r.Code)
	require.Regexp(t,
		`^git-credential-provisionkit \S+ `+runtime.Version()+` `+runtime.GOOS+`/`+runtime.GOARCH+`\n$`,
		r.Stdout)

	start(t, p.Env(t, "ws-1"), request, "get").Answered(t)
	version := strings.Fields(r.Stdout)[1]
	require.Equal(t, "git-credential-provisionkit/"+version, p.Asked()[0].UserAgent())
}

func TestGetAnswersGitWithALiveToken(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	before := time.Now()
	r := start(t, p.Env(t, "ws-1"), request, "get")
	var expiry int64
	_, err := fmt.Sscanf(r.Stdout,
		"username=x-access-token\npassword=ghs_000000000000000000000000000000000001\npassword_expiry_utc=%d\n",
		&expiry)
	require.NoError(t, err, r.Stdout)
	require.WithinDuration(t, before.Add(time.Hour), time.Unix(expiry, 0), 5*time.Second)
	require.Equal(t, "10m0s", p.Asked()[0].URL.Query().Get("min_ttl"))
	r = start(t, p.Env(t, "ws-1"), "capability[]=authtype\n"+request, "get")
	require.Contains(t, r.Stdout, "\nephemeral=1\n", "no other helper keeps it")
}

func TestAReportIsMadeOnceHoweverPatientTheWorkspaceIs(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer away.Close()
	env := map[string]string{
		"PROVISIONKIT_URL": away.URL + "/workspaces/ws-1/token", "PROVISIONKIT_BEARER": "bearer", "PROVISIONKIT_RETRY": "2s",
	}
	require.Equal(t, 1, start(t, env, "password=ghs_refused\n"+request, "erase").Code)
	require.EqualValues(t, 1, asked.Load())
	require.Equal(t, 1, start(t, env, request, "get").Code)
	require.Greater(t, asked.Load(), int64(2), "a token is worth a wait")
}

func TestCapabilityIsAnsweredWithoutAnyConfiguration(t *testing.T) {
	t.Parallel()
	require.Equal(t, result{Stdout: "version 0\ncapability authtype\n"},
		start(t, nil, "", "capability"))
	require.Equal(t, result{}, start(t, nil, request, "store"))
	require.Equal(t, result{}, start(t, nil, request+"password=x\n", "erase"))
}

func TestTokenPrintsATokenAloneOrAsJSONWithItsExpiry(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	require.Equal(t, result{Stdout: "ghs_000000000000000000000000000000000001\n"},
		call(t, env, "", "token"))

	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	require.NoError(t, json.Unmarshal([]byte(call(t, env, "", "token", "--json").Stdout), &answer))
	require.Equal(t, "ghs_000000000000000000000000000000000001", answer.Token)
	require.WithinDuration(t, time.Now().Add(time.Hour), answer.ExpiresAt, 5*time.Second)

	static := newPlatform(t, tokenprovider.Static("a-token"))
	require.Equal(t, result{Stdout: `{"token":"a-token"}` + "\n"},
		call(t, static.Env(t, "ws-1"), "", "token", "--json"))

	static.Down()
	require.Contains(t, call(t, static.Env(t, "ws-1"), "", "token", "--json").Failed(t), "502")
}

func TestEveryMistakeInTheConfigurationIsNamed(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	unset := "\x00"
	for name, c := range map[string]struct {
		change map[string]string
		says   string
	}{
		"no URL": {
			map[string]string{"PROVISIONKIT_URL": unset}, "PROVISIONKIT_URL isn't set",
		},
		"an empty URL": {
			map[string]string{"PROVISIONKIT_URL": ""}, "PROVISIONKIT_URL isn't set",
		},
		"a URL without a scheme": {
			map[string]string{"PROVISIONKIT_URL": "platform.example/token"},
			"PROVISIONKIT_URL is not an absolute URL",
		},
		"a URL of another scheme": {
			map[string]string{"PROVISIONKIT_URL": "ftp://platform.example/token"},
			"PROVISIONKIT_URL is neither https nor http",
		},
		"a URL without a host": {
			map[string]string{"PROVISIONKIT_URL": "https:///token"},
			"PROVISIONKIT_URL is not an absolute URL",
		},
		"a URL with a password": {
			map[string]string{
				"PROVISIONKIT_URL": "https://ghs_x:ghs_y@platform.example/token",
			},
			"user name or password",
		},
		"a URL with a fragment": {
			map[string]string{"PROVISIONKIT_URL": "https://platform.example/token#x"},
			"fragment",
		},
		"http to another machine": {
			map[string]string{"PROVISIONKIT_URL": "http://platform.example/token"},
			"PROVISIONKIT_ALLOW_HTTP=1",
		},
		"http to a look-alike": {
			map[string]string{"PROVISIONKIT_URL": "http://127.0.0.1.evil.example/token"},
			"PROVISIONKIT_ALLOW_HTTP=1",
		},
		"ALLOW_HTTP of yes": {
			map[string]string{"PROVISIONKIT_ALLOW_HTTP": "yes"},
			"PROVISIONKIT_ALLOW_HTTP must be 1",
		},
		"no bearer": {
			map[string]string{"PROVISIONKIT_BEARER": unset},
			"neither PROVISIONKIT_BEARER_FILE nor PROVISIONKIT_BEARER is set",
		},
		"a bearer file that isn't": {
			map[string]string{"PROVISIONKIT_BEARER_FILE": filepath.Join(t.TempDir(), "bearer")},
			"PROVISIONKIT_BEARER_FILE: ",
		},
		"a folder for one": {
			map[string]string{"PROVISIONKIT_BEARER_FILE": t.TempDir()},
			"PROVISIONKIT_BEARER_FILE must be a regular file",
		},
		"a relative bearer file": {
			map[string]string{"PROVISIONKIT_BEARER_FILE": "bearer"}, "must be an absolute path",
		},
		"a bearer of two lines": {
			map[string]string{"PROVISIONKIT_BEARER": "a\r\nX: b"}, "control characters in it; correct PROVISIONKIT_BEARER",
		},
		"a URL for a host": {
			map[string]string{"PROVISIONKIT_HOSTS": "https://github.com"}, "PROVISIONKIT_HOSTS: ",
		},
		"a patience that isn't": {
			map[string]string{"PROVISIONKIT_RETRY": "20"}, "PROVISIONKIT_RETRY must be a duration such as 20s, or 0",
		},
		"a patience below zero": {
			map[string]string{"PROVISIONKIT_RETRY": "-1s"}, "PROVISIONKIT_RETRY must be",
		},
		"a time in git's cache that isn't": {
			map[string]string{"PROVISIONKIT_CACHE_FOR": "long"}, "PROVISIONKIT_CACHE_FOR must be",
		},
		"a policy that isn't": {
			map[string]string{"PROVISIONKIT_ON_FAILURE": "panic"},
			"PROVISIONKIT_ON_FAILURE must be fallthrough or quit",
		},
	} {
		env := p.Env(t, "ws-1")
		for name, value := range c.change {
			if env[name] = value; value == unset {
				delete(env, name)
			}
		}
		require.Contains(t, call(t, env, request, "get").Failed(t), c.says, name)
	}
	require.Empty(t, p.Asked())
}

func TestARequestForAnotherHostNeedsNoSettingsAndMakesNoSound(t *testing.T) {
	t.Parallel()
	require.Equal(t, result{}, call(t, nil, "protocol=https\nhost=git.example\n\n", "get"))
}

func TestWithQuitGitIsToldToGiveUpForOurHostsOnly(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	p.Down()
	env := p.Env(t, "ws-1")
	env["PROVISIONKIT_HOSTS"] = "git.example:8443, github.com"
	call(t, env, request, "get").Failed(t)
	env["PROVISIONKIT_ON_FAILURE"] = "quit"
	for _, environment := range []map[string]string{env, {"PROVISIONKIT_ON_FAILURE": "quit"}} {
		r := call(t, environment, request, "get")
		require.Equal(t, "quit=1\n", r.Stdout)
		require.Equal(t, 1, r.Code)
	}
	require.Equal(t, result{}, call(t, env, "protocol=https\nhost=other.example\n\n", "get"))
}

// TestNoAnswerOfThePlatformMakesAHalfOrHostileCredential goes through what a
// platform, or what stands before it, can say.
func TestNoAnswerOfThePlatformMakesAHalfOrHostileCredential(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	elsewhere := newPlatform(t, workspacetest.Hourly())
	body := func(status int, header, text string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, text)
			return true
		}
	}
	token := func(token, expiresAt string) func(http.ResponseWriter, *http.Request) bool {
		return body(200, "",
			fmt.Sprintf(`{"token":%q,"expires_at":%q,"username":"x"}`, token, expiresAt))
	}
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for name, intercept := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"401":                       body(401, "", `{"error":"unauthenticated","code":"unauthenticated"}`),
		"403":                       body(403, "", `{"error":"forbidden","code":"forbidden"}`),
		"404":                       body(404, "", `{"error":"no token provider registered","code":"not_configured"}`),
		"409":                       body(409, "", ""),
		"429":                       body(429, "Retry-After: 60", `{"error":"slow down","code":"rate_limited"}`),
		"500 with an echo":          body(500, "", `{"error":"ghs_echo","code":"internal"}`),
		"502 of a proxy":            body(502, "Content-Type: text/html", "<html>ghs_echo</html>"),
		"200 without a body":        body(200, "", ""),
		"200 that is no JSON":       body(200, "Content-Type: text/html", `{"token":"t","expires_at":"`+later+`"}`),
		"200 cut short":             body(200, "Content-Length: 1000", `{"token":"ghs_half`),
		"200 that is too large":     body(200, "", `{"token":"t","x":"`+strings.Repeat("y", 1<<20)+`"}`),
		"an empty token":            token("", later),
		"a token with a line break": token("ghs_x\nhost=evil.example", later),
		"a token with a CR":         token("ghs_x\r", later),
		"a token with a NUL":        token("ghs_x\u0000", later),
		"a token with a space":      token("ghs_x y", later),
		"a token that has expired":  token("ghs_x", "2020-01-01T00:00:00Z"),
		"an expiry in 1970":         token("ghs_x", "1970-01-01T00:00:00Z"),
		"an expiry in milliseconds": token("ghs_x", "1900000000000"),
		"a redirect":                body(307, "Location: "+elsewhere.Server.URL+"/workspaces/ws-1/token", ""),
		"a redirect by 301":         body(301, "Location: "+elsewhere.Server.URL+"/workspaces/ws-1/token", ""),
	} {
		p.On(intercept)
		text := call(t, p.Env(t, "ws-1"), request, "get").Failed(t)
		require.NotContains(t, text, "html", name)
	}
	require.Empty(t, elsewhere.Asked(), "a redirect is never followed")

	for name, c := range map[string]struct{ token, expiresAt string }{
		"8 KiB of token": {strings.Repeat("t._-", 2<<10), later},
		"an expiry in 30 seconds": {
			"t", time.Now().Add(30 * time.Second).UTC().Format(time.RFC3339),
		},
		"an expiry in 9999": {"t", "9999-12-31T23:59:59Z"},
		"no expiry":         {"t", ""},
	} {
		p.On(token(c.token, c.expiresAt))
		require.Equal(t, c.token, call(t, p.Env(t, "ws-1"), request, "get").Answered(t), name)
	}
}

func TestNothingOfTheEnvironmentThatAttackersKnowMatters(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	for name, value := range map[string]string{
		"CODESPACES": "true", "GITHUB_TOKEN": "ghs_stale", "GH_TOKEN": "ghs_stale",
		"GIT_DIR": "/nowhere", "GIT_CONFIG_COUNT": "x",
		"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1",
		"http_proxy": "http://127.0.0.1:1", "PATH": ".",
	} {
		env[name] = value
	}
	start(t, env, request, "get").Answered(t)
	require.Equal(t, result{}, start(t, env, "protocol=https\nhost=evil.example\n\n", "get"))
}

func TestNothingButStandardOutputEverHoldsASecret(t *testing.T) {
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	captured := testutil.CaptureProcess(t, env["PROVISIONKIT_BEARER"])
	token := call(t, env, request, "get").Answered(t)
	captured.Secret(token)
	for _, args := range [][]string{
		{"token"}, {"token", "--json"}, {"store"}, {"erase"}, {"get"}, {token}, {"get", token},
		{"--" + token}, {"help"}, {"version"},
	} {
		fmt.Fprint(os.Stderr,
			call(t, env, "protocol=https\nhost=github.com\npassword="+token+"\n\n", args...).Stderr)
	}
	token = call(t, env, request, "get").Answered(t)
	captured.Secret(token)
	p.Down()
	for _, operation := range []string{"erase", "get"} {
		fmt.Fprint(os.Stderr, call(t, env, request[:len(request)-1]+"password="+token+"\n\n", operation).Failed(t))
	}
}
