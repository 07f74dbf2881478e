//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

var (
	binary string
	github *githubapptest.Server
	app    *githubapptest.Setup // in github
)

func TestMain(m *testing.M) { os.Exit(prepare(m)) }

// prepare builds the server, starts a GitHub, and returns what the tests
// return.
func prepare(m *testing.M) int {
	dir, err := os.MkdirTemp("", "platform-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "platform")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	if _, err := exec.LookPath("git"); err != nil {
		return m.Run() // each test says that it needs git
	}
	if github, err = githubapptest.NewServer(nil); err != nil {
		panic(err)
	}
	defer github.Close()
	if app, err = github.SetUp("acme/widgets"); err != nil {
		panic(err)
	}
	return m.Run()
}

// command returns the server with nothing in its environment but PATH, a free
// port and what is given.
func command(t *testing.T, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PLATFORM_ADDR=127.0.0.1:0"}, env...)
	return cmd
}

// start starts the server and returns its URL, once it listens.
func start(t *testing.T, cmd *exec.Cmd, log *testutil.Capture) string {
	cmd.Stderr = log
	require.NoError(t, cmd.Start())
	return "http://" + await(t, log, `msg=listening addr=(\S+)`)
}

// await waits until the log has an event, and returns what the pattern's group
// matches in it.
func await(t *testing.T, log *testutil.Capture, event string) string {
	t.Helper()
	pattern := regexp.MustCompile(event)
	logged := func() bool { return pattern.MatchString(log.String()) }
	require.Eventually(t, logged, 20*time.Second, 20*time.Millisecond, event)
	return pattern.FindStringSubmatch(log.String())[1]
}

func call(t *testing.T, method, url, bearer string) (status int, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, body
}

func TestAWorkspaceThatItStartsPullsItsToken(t *testing.T) {
	testutil.NeedTool(t, "git")
	const admin = "an-administrators-token-0123456789"
	log := testutil.NewCapture(t, admin)
	cmd := command(t, "PLATFORM_ADMIN_TOKEN="+admin)
	base := start(t, cmd, log)

	status, _ := call(t, "POST", base+"/workspaces/ws-1", "somebody else's")
	require.Equal(t, http.StatusUnauthorized, status)
	status, body := call(t, "POST", base+"/workspaces/ws-1", admin)
	require.Equal(t, http.StatusOK, status)
	var environ []string
	require.NoError(t, json.Unmarshal(body, &environ))
	env := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	require.Equal(t, "ws-1", env["WORKSPACE_ID"])
	bearer, url := env["PROVISIONKIT_BEARER"], env["PROVISIONKIT_URL"]
	log.Secret(bearer, env["GH_TOKEN"])

	status, body = call(t, "GET", url, bearer)
	require.Equal(t, http.StatusOK, status, "%s", body)
	var answer struct{ Token string }
	require.NoError(t, json.Unmarshal(body, &answer))
	require.NotEmpty(t, answer.Token)
	require.Equal(t, env["GH_TOKEN"], answer.Token)
	status, _ = call(t, "GET", strings.Replace(url, "ws-1", "ws-2", 1), bearer)
	require.Equal(t, http.StatusForbidden, status)
	status, _ = call(t, "POST", base+"/workspaces/ws-1", bearer)
	require.Equal(t, http.StatusUnauthorized, status, "a workspace starts no workspaces")

	status, body = call(t, "GET", base+"/healthz", "")
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"state":"fresh"}`, string(body))
	status, body = call(t, "GET", base+"/admin/status", admin)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(body), "All is well")
	require.Contains(t, html.UnescapeString(string(body)), tokenprovider.TokenSHA256(env["GH_TOKEN"]))
	status, _ = call(t, "GET", base+"/admin/status", bearer)
	require.Equal(t, http.StatusUnauthorized, status)

	status, _ = call(t, "DELETE", base+"/workspaces/ws-1", bearer)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = call(t, "DELETE", base+"/workspaces/ws-1", admin)
	require.Equal(t, http.StatusNoContent, status)
	status, _ = call(t, "GET", url, bearer)
	require.Equal(t, http.StatusForbidden, status, "a workspace that is gone gets nothing")

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), log)
	for _, event := range []string{
		`GitHub is a fake one`, `github-app-auth.*TokenProvider.*git-credential.*token-endpoint`,
		`a workspace starts`, `a workspace is released`, `shutting down`,
	} {
		require.Regexp(t, event, log.String())
	}
}

func TestAWorkspaceHasTokensForRepositoriesOfSeveralOwners(t *testing.T) {
	testutil.NeedTool(t, "git")
	keyFile := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(keyFile, app.PrivateKey(), 0o600))
	github.AddInstallation(githubapptest.Installation{
		ID: app.InstallationID + 1, AppID: app.AppID, Account: "globex", Repositories: []string{"globex/rockets"},
	})
	const admin = "an-administrators-token-0123456789"
	base := start(t, command(t, "PLATFORM_ADMIN_TOKEN="+admin, "PLATFORM_REPOSITORIES=acme/widgets,globex/rockets",
		"GITHUB_APP_ID="+strconv.FormatInt(app.AppID, 10), "GITHUB_APP_PRIVATE_KEY_FILE="+keyFile, "GITHUB_API_URL="+github.URL,
	), testutil.NewCapture(t, admin))
	status, body := call(t, "POST", base+"/workspaces/ws-1", admin)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(body), "useHttpPath")
	for _, repository := range []string{"acme/widgets", "globex/rockets"} {
		status, body := call(t, "GET", base+"/workspaces/ws-1/token?repository="+repository, admin)
		require.Equal(t, http.StatusOK, status, "%s", body)
		var answer struct{ Token string }
		require.NoError(t, json.Unmarshal(body, &answer))
		status, _ = call(t, "GET", github.URL+"/repos/"+repository, answer.Token)
		require.Equal(t, http.StatusOK, status, repository)
	}
	status, body = call(t, "GET", base+"/workspaces/ws-1/token?repository=globex/secret", admin)
	require.Equal(t, http.StatusInternalServerError, status)
	require.JSONEq(t, `{"error":"token refresh failed","code":"forbidden"}`, string(body))
}

func TestWhatIsWrongAtBootIsSaidAtBoot(t *testing.T) {
	testutil.NeedTool(t, "git")
	keyFile := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(keyFile, testutil.RSAKeyPEM(t, 0), 0o600)) // not the App's
	noKey := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(noKey, []byte("no key"), 0o600))
	withApp := func(id, key, api string) []string {
		return []string{
			"GITHUB_APP_ID=" + id, "GITHUB_APP_INSTALLATION_ID=2",
			"GITHUB_APP_PRIVATE_KEY_FILE=" + key, "GITHUB_API_URL=" + api,
		}
	}
	id := strconv.FormatInt(app.AppID, 10)

	for name, c := range map[string]struct {
		env  []string
		says string
	}{
		"half a configuration": {[]string{"GITHUB_APP_ID=7"}, "GITHUB_APP_PRIVATE_KEY_FILE"},
		"no installation": {
			[]string{"GITHUB_APP_ID=7", "GITHUB_APP_PRIVATE_KEY_FILE=" + keyFile}, "GITHUB_APP_INSTALLATION_ID",
		},
		"an id that is no number":   {withApp("seven", keyFile, github.URL), "GITHUB_APP_ID"},
		"a file without a key":      {withApp("7", noKey, github.URL), "app.pem"},
		"no such file":              {withApp("7", keyFile+".old", github.URL), "app.pem.old"},
		"a key of another App":      {withApp(id, keyFile, github.URL), "could not be decoded"},
		"a key that is too short":   {[]string{"PLATFORM_KEY=short"}, "PLATFORM_KEY"},
		"an address that isn't one": {[]string{"PLATFORM_ADDR=nowhere"}, "PLATFORM_ADDR"},
		"http to other machines":    {[]string{"PLATFORM_URL=http://platform.example"}, "PLATFORM_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			cmd := command(t, c.env...)
			cmd.Stderr = &stderr
			require.Error(t, cmd.Run())
			require.Equal(t, 1, cmd.ProcessState.ExitCode())
			require.Contains(t, stderr.String(), c.says)
			require.NotContains(t, stderr.String(), "panic")
			t.Log(strings.TrimSpace(stderr.String()))
		})
	}
}

func TestItStartsWhileGitHubIsDownAndIsUnhealthyUntilItIsBack(t *testing.T) {
	testutil.NeedTool(t, "git")
	keyFile := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(keyFile, app.PrivateKey(), 0o600))
	const admin = "an-administrators-token-0123456789"
	platform := func(api string) (base string, log *testutil.Capture) {
		log = testutil.NewCapture(t, admin)
		return start(t, command(t,
			"PLATFORM_ADMIN_TOKEN="+admin,
			"GITHUB_APP_ID="+strconv.FormatInt(app.AppID, 10),
			"GITHUB_APP_INSTALLATION_ID="+strconv.FormatInt(app.InstallationID, 10),
			"GITHUB_APP_PRIVATE_KEY_FILE="+keyFile, "GITHUB_API_URL="+api,
		), log), log
	}
	requireUnhealthy := func(t *testing.T, base string) {
		status, body := call(t, "GET", base+"/healthz", "")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.JSONEq(t, `{"state":"failing"}`, string(body))
		status, _ = call(t, "POST", base+"/workspaces/ws-1", admin)
		require.Equal(t, http.StatusInternalServerError, status)
	}

	t.Run("nobody answers", func(t *testing.T) {
		base, log := platform("http://127.0.0.1:1")
		await(t, log, `(no token can be had: the platform starts without one).*connection refused`)
		requireUnhealthy(t, base)
	})
	t.Run("it comes back", func(t *testing.T) {
		back := github.Fail(githubapptest.Rule{Fault: githubapptest.Disconnect})
		base, log := platform(github.URL)
		await(t, log, `(no token can be had: the platform starts without one)`)
		requireUnhealthy(t, base)

		back()
		await(t, log, `(a token can be had again)`)
		status, _ := call(t, "GET", base+"/healthz", "")
		require.Equal(t, http.StatusOK, status)
		status, _ = call(t, "POST", base+"/workspaces/ws-1", admin)
		require.Equal(t, http.StatusOK, status)
	})
}

func TestAPlatformOfTokensForEachWorkspaceAloneServesThem(t *testing.T) {
	testutil.NeedTool(t, "git")
	client, err := githubapp.New(githubapp.Options{
		AppID: app.AppID, PrivateKey: app.PrivateKey(), BaseURL: github.URL,
	})
	require.NoError(t, err)
	policy := func(context.Context, string) (int64, githubapp.Scope, error) {
		return app.InstallationID, githubapp.Scope{}, nil
	}
	plugins := provisionhook.NewRegistry()
	each, err := githubapp.NewWorkspaceMutator(client, policy, nil)
	require.NoError(t, err)
	plugins.Register(each)

	const admin = "an-administrators-token-0123456789"
	t.Setenv("PLATFORM_ADMIN_TOKEN", admin)
	key, err := tokenhttp.NewWorkspaceKey([]byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, slog.New(slog.DiscardHandler), listener, plugins, key) }()

	base := "http://" + listener.Addr().String()
	status, _ := call(t, "GET", base+"/healthz", "")
	require.Equal(t, http.StatusOK, status)
	status, body := call(t, "POST", base+"/workspaces/ws-1", admin)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(body), "GH_TOKEN=")
	bearer, err := key.Issue("ws-1", time.Hour)
	require.NoError(t, err)
	status, body = call(t, "GET", base+"/workspaces/ws-1/token", bearer)
	require.Equal(t, http.StatusOK, status, "%s", body)
	stop()
	require.NoError(t, <-ended)
}
