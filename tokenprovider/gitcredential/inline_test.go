package gitcredential_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

const (
	bearer    = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ3cy0xIn0.dGhlLXNpZ25hdHVyZS1vZi1pdA"
	gitAnswer = "username=x-access-token\npassword=" + token + "\npassword_expiry_utc=4102444800\n"
	gitType   = "application/x-git-credential"

	githubPassword = "protocol=https\nhost=github.com\npassword=" + token + "\n" // what git sends to erase
)

// shells returns the command lines of the shells that the inline helper is for,
// each without the script. Git has one of them built in; images differ in
// which.
func shells(t testing.TB) map[string][]string {
	t.Helper()
	switch runtime.GOOS {
	case "windows":
		t.Skip("the inline helper is for images with a POSIX shell")
	case "linux":
		return map[string][]string{
			"dash":    {testutil.NeedTool(t, "dash"), "-c"},
			"bash":    {testutil.NeedTool(t, "bash"), "--posix", "-c"},
			"busybox": {testutil.NeedTool(t, "busybox"), "sh", "-c"},
		}
	}
	return map[string][]string{"sh": {"/bin/sh", "-c"}}
}

// inEachShell runs f for each of them, at the same time.
func inEachShell(t *testing.T, f func(t *testing.T, shell []string)) {
	t.Helper()
	for name, shell := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, shell)
		})
	}
}

// inOneShell runs f for one of them: for what curl decides.
func inOneShell(t *testing.T, f func(t *testing.T, shell []string)) {
	t.Helper()
	for _, shell := range shells(t) { // in no order
		f(t, shell)
		return
	}
}

// inlineWorkspace is a workspace whose git is wired with the inline helper.
type inlineWorkspace struct {
	shell  []string
	helper string
	dir    string
	env    map[string]string
}

func newInlineWorkspace(t testing.TB, shell []string, url string) *inlineWorkspace {
	t.Helper()
	testutil.NeedTool(t, "curl")
	env := mutate(t, &gitcredential.MutatorOptions{Inline: true}, map[string]string{})
	helper, ok := strings.CutPrefix(env["GIT_CONFIG_VALUE_1"], "!")
	require.True(t, ok)
	return &inlineWorkspace{shell: shell, helper: helper, dir: t.TempDir(), env: map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "PROVISIONKIT_URL": url,
		"PROVISIONKIT_BEARER": bearer, "PROVISIONKIT_RETRY": "0",
	}}
}

// run runs the helper as git does.
func (w *inlineWorkspace) run(t testing.TB, operation, input string) (stdout, stderr string, code int) {
	t.Helper()
	command := append(w.shell[1:len(w.shell):len(w.shell)], w.helper+" "+operation)
	cmd := exec.CommandContext(t.Context(), w.shell[0], command...)
	cmd.Dir, cmd.Stdin, cmd.Env = w.dir, strings.NewReader(input), []string{}
	for name, value := range w.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatalf("run the helper: %v", err)
	}
	require.Empty(t, testutil.Leak(errOut.String(), bearer, token), "standard error holds no secret")
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// fails requires that get prints nothing but one line that says why, and
// returns it.
func (w *inlineWorkspace) fails(t testing.TB) string {
	t.Helper()
	stdout, stderr, code := w.run(t, "get", githubRequest)
	require.Empty(t, stdout)
	require.Equal(t, 1, code)
	require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	require.True(t, strings.HasPrefix(stderr, "git-credential-provisionkit: no token: "), stderr)
	return stderr
}

// received is a request as the endpoint got it.
type received struct {
	*http.Request
	body string
}

// standIn is an endpoint that answers as a test wants it, by default with a
// token.
type standIn struct {
	*httptest.Server
	mu       sync.Mutex
	requests []received
}

func newStandIn(t testing.TB, answer http.HandlerFunc) *standIn {
	t.Helper()
	s := &standIn{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests = append(s.requests, received{r.Clone(context.Background()), string(body)})
		s.mu.Unlock()
		if answer == nil {
			w.Header().Set("Content-Type", gitType)
			fmt.Fprint(w, gitAnswer)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) asked() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func TestTheInlineHelperIsOneLineForEachHostBehindAReset(t *testing.T) {
	t.Parallel()
	env := mutate(t,
		&gitcredential.MutatorOptions{Inline: true, Hosts: []string{"github.com", "git.example:8443"}},
		map[string]string{})
	require.Equal(t, "4", env["GIT_CONFIG_COUNT"])
	require.Empty(t, env["GIT_CONFIG_VALUE_0"])
	require.Equal(t, "credential.https://git.example:8443.helper", env["GIT_CONFIG_KEY_3"])
	require.Equal(t, env["GIT_CONFIG_VALUE_1"], env["GIT_CONFIG_VALUE_3"])
	require.Equal(t, "github.com,git.example:8443", env["PROVISIONKIT_HOSTS"])

	helper := env["GIT_CONFIG_VALUE_1"]
	require.True(t, strings.HasPrefix(helper, "!f() { "), helper)
	require.True(t, strings.HasSuffix(helper, ` }; f "$@"`), helper)
	require.NotContains(t, helper, "\n")
	require.NotContains(t, helper, "\r")
	require.Less(t, len(helper), 8<<10)
	require.Equal(t, env,
		mutate(t, &gitcredential.MutatorOptions{Inline: true, Hosts: []string{"github.com", "git.example:8443"}}, maps.Clone(env)))
}

func TestTheInlineHelperPrintsWhatThePlatformAnswersToGit(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		s := newStandIn(t, nil)
		w := newInlineWorkspace(t, shell, s.URL+"/workspaces/a@b/token")
		input := "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=github.com\nusername=\"%s\\n\nwwwauth[]=Basic realm=\"GitHub\"\n"
		stdout, stderr, code := w.run(t, "get", input)
		require.Equal(t, []any{gitAnswer, "", 0}, []any{stdout, stderr, code})
		w.env["PROVISIONKIT_URL"] += "?x=1"
		stdout, _, _ = w.run(t, "get", githubRequest)
		require.Equal(t, gitAnswer, stdout)

		require.Len(t, s.asked(), 2)
		first, second := s.asked()[0], s.asked()[1]
		require.Equal(t, input, first.body)
		require.Equal(t, "POST /workspaces/a@b/token?min_ttl=10m", first.Method+" "+first.RequestURI)
		require.Equal(t, "Bearer "+bearer, first.Header.Get("Authorization"))
		require.Equal(t, gitType, first.Header.Get("Accept"))
		require.Equal(t, gitType, first.Header.Get("Content-Type"))
		require.Equal(t, "provisionkit-inline/1", first.UserAgent())
		require.Equal(t, "x=1&min_ttl=10m", second.URL.RawQuery)
	})
}

func TestTheInlineHelperAnswersNothingButGet(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		s := newStandIn(t, nil)
		w := newInlineWorkspace(t, shell, s.URL)
		for _, operation := range []string{"", "store", "capability", "GET", "list", "--help"} {
			stdout, stderr, code := w.run(t, operation, githubRequest+"password="+token+"\n")
			require.Equal(t, []any{"", "", 0}, []any{stdout, stderr, code}, operation)
		}
		require.Empty(t, s.asked())
	})
}

func TestNothingButACompleteAnswerOfTheEndpointIsEverPrinted(t *testing.T) {
	t.Parallel()
	elsewhere := newStandIn(t, nil)
	answer := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	redirect := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", gitType)
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
			fmt.Fprint(w, gitAnswer)
		}
	}
	// raw is an answer byte for byte, after which the connection ends.
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, buffered, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Type: " + gitType + "\r\n" + text)
				_ = buffered.Flush()
				conn.Close()
			}
		}
	}
	// endless writes more than anybody may take.
	endless := func(w http.ResponseWriter, _ *http.Request) {
		block := bytes.Repeat([]byte("password="+token+"\n"), 1<<10)
		for range 1 << 30 / len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	cut := gitAnswer[:strings.Index(gitAnswer, "password=")+20]
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"401":                               {answer(401, gitType, gitAnswer), "doesn't accept the workspace's bearer (401)"},
		"403":                               {answer(403, "application/json", `{"error":"forbidden"}`), "(403)"},
		"404":                               {answer(404, "text/plain", gitAnswer), "(404)"},
		"429":                               {answer(429, gitType, gitAnswer), "no token at the moment"},
		"500 with a body":                   {answer(500, gitType, gitAnswer), "no token at the moment"},
		"502 of a proxy":                    {answer(502, "text/html", "<html>"), "no token at the moment"},
		"206":                               {answer(206, gitType, gitAnswer), "of no use"},
		"an empty 200":                      {answer(200, gitType, ""), "isn't the platform's token endpoint"},
		"HTML":                              {answer(200, "text/html", "<html>\n"), "isn't the platform's token endpoint"},
		"JSON":                              {answer(200, "application/json", `{"token":"`+token+`"}`+"\n"), "isn't the platform's token endpoint"},
		"a credential of another type":      {answer(200, "text/plain", gitAnswer), "isn't the platform's token endpoint"},
		"a user name alone":                 {answer(200, gitType, "username=x\n"), "isn't the platform's token endpoint"},
		"an empty password":                 {answer(200, gitType, "username=x\npassword=\n"), "isn't the platform's token endpoint"},
		"a password in another attribute":   {answer(200, gitType, "username=x-password=y\n"), "isn't the platform's token endpoint"},
		"no end of the last line":           {answer(200, gitType, strings.TrimSuffix(gitAnswer, "\n")), "isn't the platform's token endpoint"},
		"a redirect by 302":                 {redirect(302), "redirect"},
		"a redirect by 308":                 {redirect(308), "redirect"},
		"cut short of its Content-Length":   {raw(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(gitAnswer), cut)), "broke off"},
		"cut short in a chunk":              {raw("Transfer-Encoding: chunked\r\n\r\n400\r\n" + cut), "broke off"},
		"cut short between chunks":          {raw(fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(gitAnswer), gitAnswer)), "broke off"},
		"cut short where no length is told": {raw("Connection: close\r\n\r\n" + cut), "isn't the platform's token endpoint"},
		"no answer at all":                  {raw(""), "isn't the platform"},
		"a body that mimics the end":        {raw("Content-Length: 1000\r\n\r\n" + gitAnswer + ":" + gitType + ":200:0"), "broke off"},
		"1 GiB, announced": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", gitType)
			w.Header().Set("Content-Length", fmt.Sprint(1<<30))
			endless(w, r)
		}, "too large"},
		"1 GiB, unannounced": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", gitType)
			endless(w, r)
		}, "too large"},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", gitType)
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "\x1f\x8b\x00password\x00=\n")
		}, "isn't the platform's token endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := inOneShell
			if c.says == "isn't the platform's token endpoint" { // as the shell finds
				run = inEachShell
			}
			run(t, func(t *testing.T, shell []string) {
				s := newStandIn(t, c.answer)
				w := newInlineWorkspace(t, shell, s.URL)
				if name != "502 of a proxy" {
					delete(w.env, "PROVISIONKIT_RETRY")
				}
				text := w.fails(t)
				require.Contains(t, text, c.says)
				require.NotContains(t, text, "html")
				require.Len(t, s.asked(), 1)
			})
		})
	}
	t.Cleanup(func() { require.Empty(t, elsewhere.asked(), "no redirect is followed") })
}

func TestTheInlineHelperWaitsForNobodyLongerThanTenSeconds(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		s := newStandIn(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", gitType)
			fmt.Fprint(w, "username=x-access-token\npassword=ghs_")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		w := newInlineWorkspace(t, shell, s.URL)
		require.Contains(t, w.helper, " m=10;")
		w.helper = strings.ReplaceAll(w.helper, " m=10;", " m=1;")
		began := time.Now()
		require.Contains(t, w.fails(t), "broke off")
		require.Less(t, time.Since(began), 8*time.Second)
	})
}

func TestTheInlineHelperNamesAWrongSettingBeforeItAsks(t *testing.T) {
	t.Parallel()
	s := newStandIn(t, nil)
	files := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(files, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	wrong := map[string]struct{ variable, value, says string }{
		"no URL":                       {"PROVISIONKIT_URL", "", "PROVISIONKIT_URL isn't set"},
		"no scheme":                    {"PROVISIONKIT_URL", "platform.example/token", "neither an https nor an http URL"},
		"an option":                    {"PROVISIONKIT_URL", "--output=/tmp/x", "neither an https nor an http URL"},
		"a file":                       {"PROVISIONKIT_URL", "file:///etc/passwd", "neither an https nor an http URL"},
		"no host":                      {"PROVISIONKIT_URL", "https:///token", "neither an https nor an http URL"},
		"a password":                   {"PROVISIONKIT_URL", "https://x:" + token + "@platform.example/", "user name or password"},
		"a password for loopback":      {"PROVISIONKIT_URL", "http://127.0.0.1:80@evil.example/", "user name or password"},
		"a backslash":                  {"PROVISIONKIT_URL", `http://localhost\@evil.example/`, "user name or password"},
		"a line break":                 {"PROVISIONKIT_URL", "https://platform.example/\nx", "control character"},
		"a fragment":                   {"PROVISIONKIT_URL", "https://platform.example/#x", "fragment"},
		"http to another machine":      {"PROVISIONKIT_URL", "http://platform.example/", "PROVISIONKIT_ALLOW_HTTP=1"},
		"http to a look-alike":         {"PROVISIONKIT_URL", "http://127.0.0.1.evil.example/", "PROVISIONKIT_ALLOW_HTTP=1"},
		"http to a longer localhost":   {"PROVISIONKIT_URL", "http://localhost.evil.example:80/", "PROVISIONKIT_ALLOW_HTTP=1"},
		"http to five numbers":         {"PROVISIONKIT_URL", "http://127.0.0.0.1/", "PROVISIONKIT_ALLOW_HTTP=1"},
		"http to a port that's a host": {"PROVISIONKIT_URL", "http://127.0.0.1:x.evil.example/", "PROVISIONKIT_ALLOW_HTTP=1"},
		"no bearer":                    {"PROVISIONKIT_BEARER", "", "neither PROVISIONKIT_BEARER_FILE nor PROVISIONKIT_BEARER"},
		"a bearer of two lines":        {"PROVISIONKIT_BEARER", "a\nX: b", "one word"},
		"a bearer with a quote":        {"PROVISIONKIT_BEARER", `a"b`, "one word"},
		"a bearer with a backslash":    {"PROVISIONKIT_BEARER", `a\nb`, "one word"},
		"a bearer with a CR inside":    {"PROVISIONKIT_BEARER", "a\rb", "one word"},
		"a bearer beyond ASCII":        {"PROVISIONKIT_BEARER", "é", "one word"},
		"a file that isn't":            {"PROVISIONKIT_BEARER_FILE", "/nowhere/bearer", "a file that can be read"},
		"a folder":                     {"PROVISIONKIT_BEARER_FILE", files, "a file that can be read"},
		"a relative file":              {"PROVISIONKIT_BEARER_FILE", "bearer", "an absolute path"},
		"an empty file":                {"PROVISIONKIT_BEARER_FILE", file("empty", ""), "one word"},
		"a file of two lines":          {"PROVISIONKIT_BEARER_FILE", file("two", bearer+"\nx\n"), "one word"},
		"a file with a header":         {"PROVISIONKIT_BEARER_FILE", file("header", "Authorization: Bearer "+bearer+"\n"), "one word"},
	}
	inEachShell(t, func(t *testing.T, shell []string) {
		for name, c := range wrong {
			w := newInlineWorkspace(t, shell, s.URL)
			w.env[c.variable] = c.value
			require.Contains(t, w.fails(t), c.says, name)
		}
		require.Empty(t, s.asked())
	})
}

func TestTheInlineHelperTalksHTTPToThisMachineOrWhereItIsAllowed(t *testing.T) {
	t.Parallel()
	s := newStandIn(t, nil)
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	inEachShell(t, func(t *testing.T, shell []string) {
		w := newInlineWorkspace(t, shell, s.URL)
		for _, host := range []string{"127.0.0.1", "localhost"} {
			w.env["PROVISIONKIT_URL"] = "http://" + host + port + "/token"
			stdout, stderr, _ := w.run(t, "get", githubRequest)
			require.Equal(t, gitAnswer, stdout, "%s: %s", host, stderr)
		}
		for _, url := range []string{"http://[::1]:1", "http://[::1]/:1", "http://127.1.2.3:1/", "http://localhost:1"} {
			w.env["PROVISIONKIT_URL"] = url
			require.NotContains(t, w.fails(t), "PROVISIONKIT_ALLOW_HTTP", url)
		}
		w.env["PROVISIONKIT_ALLOW_HTTP"] = "1"
		w.env["PROVISIONKIT_URL"] = "http://platform.invalid/token"
		require.Contains(t, w.fails(t), "can't be reached")
	})
}

func TestTheInlineHelperTrustsNoCertificateThatItsSystemDoesNot(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", gitType)
		fmt.Fprint(w, gitAnswer)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	inEachShell(t, func(t *testing.T, shell []string) {
		require.Contains(t, newInlineWorkspace(t, shell, s.URL).fails(t), "can't be reached")
	})
}

func TestTheBearerComesFromItsFileReadAnewEachTime(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		s := newStandIn(t, nil)
		w := newInlineWorkspace(t, shell, s.URL)
		path := filepath.Join(t.TempDir(), "the bearer's file")
		w.env["PROVISIONKIT_BEARER_FILE"] = path
		for n, content := range []string{"first", "second\n", " third\r\n", "fourth\n\n"} {
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			stdout, stderr, _ := w.run(t, "get", githubRequest)
			require.Equal(t, gitAnswer, stdout, stderr)
			require.Equal(t, "Bearer "+strings.TrimSpace(content), s.asked()[n].Header.Get("Authorization"),
				"it comes before the one in the environment")
		}
	})
}

// It looks at all processes while curl waits for its answer.
func TestNoProcessHasTheBearerOrTheTokenInItsArguments(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc to look into")
	}
	inEachShell(t, func(t *testing.T, shell []string) {
		var arguments string
		s := newStandIn(t, func(w http.ResponseWriter, _ *http.Request) {
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			arguments = ""
			for _, file := range files {
				content, _ := os.ReadFile(file)
				arguments += string(content) + "\n"
			}
			w.Header().Set("Content-Type", gitType)
			fmt.Fprint(w, gitAnswer)
		})
		for _, operation := range []string{"get", "erase"} {
			newInlineWorkspace(t, shell, s.URL).run(t, operation, githubPassword)
			require.Contains(t, arguments, "provisionkit-inline")
			require.Empty(t, testutil.Leak(arguments, bearer, token), operation)
		}
		require.Len(t, s.asked(), 2)
	})
}

func TestAShellThatWouldShowTheBearerIsNotUsed(t *testing.T) {
	shell := []string{shellWithoutPrintf(t), "-c"}
	s := newStandIn(t, nil)
	require.Contains(t, newInlineWorkspace(t, shell, s.URL).fails(t), "no printf of its own")
	require.Empty(t, s.asked())
}

// shellWithoutPrintf returns a shell that has to start a program to print:
// here, bash with that builtin switched off.
func shellWithoutPrintf(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("it is made of bash")
	}
	path := filepath.Join(t.TempDir(), "sh")
	script := "#!" + testutil.NeedTool(t, "bash") + "\nenable -n printf\nscript=$2\nset --\neval \"$script\"\n"
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700))
	return path
}

func TestEraseTellsThePlatformTheDigestOfTheTokenAndNotTheToken(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		s := newStandIn(t, nil)
		w := newInlineWorkspace(t, shell, s.URL)
		credential := "eC1hY2Nlc3MtdG9rZW46" // base64 of "x-access-token:", and of the token:
		for n, input := range []string{
			"protocol=https\nhost=github.com\nusername=x-access-token\npassword=" + token + "\nwwwauth[]=Basic\n",
			"capability[]=authtype\nauthtype=Basic\ncredential=" + credential + "Z2hzXzE2QzdlNDJGMjkyYzY5MTJFNzcxMGM4MzgzNDdBZTE3OEI0YQ==\nephemeral=1\nprotocol=https\nhost=github.com\n",
		} {
			stdout, stderr, code := w.run(t, "erase", input)
			require.Equal(t, []any{"", "", 0}, []any{stdout, stderr, code})
			require.Len(t, s.asked(), n+1)
			asked := s.asked()[n]
			require.Equal(t, tokenprovider.TokenSHA256(token),
				asked.Header.Get("Provisionkit-Rejected"))
			require.Equal(t, "protocol=https\nhost=github.com\n", asked.body)
		}
		for _, input := range []string{"", githubRequest, "protocol=https\nhost=github.com\npassword=\n", "credential=%%%\n"} {
			stdout, stderr, code := w.run(t, "erase", input)
			require.Equal(t, []any{"", "", 0}, []any{stdout, stderr, code})
		}
		require.Len(t, s.asked(), 2, "without a password there is nothing to tell")

		w.env["PROVISIONKIT_URL"] = "http://127.0.0.1:1/"
		stdout, stderr, code := w.run(t, "erase", githubPassword)
		require.Equal(t, []any{"", "", 0}, []any{stdout, stderr, code},
			"git has said already that the token was refused")
	})
}

func TestWithQuitTheInlineHelperTellsGitToGiveUp(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		w := newInlineWorkspace(t, shell, "http://127.0.0.1:1/")
		w.env["PROVISIONKIT_ON_FAILURE"] = "quit"
		stdout, stderr, code := w.run(t, "get", githubRequest)
		require.Equal(t, "quit=1\n", stdout)
		require.Contains(t, stderr, "can't be reached")
		require.Equal(t, 1, code)
		stdout, _, code = w.run(t, "erase", githubRequest+"password=x\n")
		require.Equal(t, []any{"", 0}, []any{stdout, code})
	})
}

// The repository brings programs of the names that are needed, and home and
// environment have settings for curl and the shell.
func TestNothingAroundTheInlineHelperDivertsItsTokenOrBearer(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		proxy, s := newStandIn(t, nil), newStandIn(t, nil)
		w := newInlineWorkspace(t, shell, s.URL)
		for _, program := range []string{"curl", "head", "printf", "sh", "cat", "base64", "sha256sum"} {
			script := "#!/bin/sh\necho username=planted\necho password=planted\necho planted >&2\n"
			require.NoError(t, os.WriteFile(filepath.Join(w.dir, program), []byte(script), 0o755))
		}
		require.NoError(t,
			os.WriteFile(filepath.Join(w.dir, ".netrc"), []byte("machine 127.0.0.1 login x password planted\n"), 0o600))
		curlrc := "verbose\nlocation\nuser = x:planted\ndump-header = " + filepath.Join(w.dir, "headers") + "\nproxy = " + proxy.URL + "\n"
		require.NoError(t,
			os.WriteFile(filepath.Join(w.env["HOME"], ".curlrc"), []byte(curlrc), 0o600))
		maps.Copy(w.env, map[string]string{
			"PATH": ".:" + w.env["PATH"] + "::.", "CDPATH": w.dir, "GIT_DIR": w.dir,
			"CODESPACES": "true", "CURL_HOME": w.env["HOME"],
			"http_proxy": proxy.URL, "HTTP_PROXY": proxy.URL, "https_proxy": proxy.URL,
			"ALL_PROXY": proxy.URL, "all_proxy": proxy.URL,
			"SHELLOPTS": "xtrace:verbose:errexit:nounset:allexport", "PS4": "$b$r$t ",
			"IFS": "abc123", "POSIXLY_CORRECT": "1",
			"b": "x", "d": "x", "o": "store", "p": "x", "q": "x", "r": "x", "s": "x", "t": "x",
			"u": "x", "x": "x",
		})
		if filepath.Base(shell[0]) == "bash" {
			delete(w.env, "POSIXLY_CORRECT")
		}
		for range 2 {
			stdout, stderr, code := w.run(t, "get", githubRequest)
			require.Equal(t, []any{gitAnswer, 0}, []any{stdout, code})
			require.NotContains(t, stderr, "planted")
			delete(w.env, "HOME")
		}
		w.run(t, "erase", githubPassword)
		require.Len(t, s.asked(), 3)
		require.Equal(t, tokenprovider.TokenSHA256(token),
			s.asked()[2].Header.Get("Provisionkit-Rejected"))
		require.Empty(t, proxy.asked())
		require.NoFileExists(t, filepath.Join(w.dir, "headers"))
	})
}
