//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
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

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

var binary string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "platform-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "platform")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

// command is the server with nothing in its environment but PATH, a free port and what is given.
func command(t *testing.T, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PLATFORM_ADDR=127.0.0.1:0"}, env...)
	return cmd
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
	cmd.Stderr = log
	require.NoError(t, cmd.Start())
	listening := regexp.MustCompile(`msg=listening addr=(\S+)`)
	require.Eventually(t, func() bool { return listening.MatchString(log.String()) }, 20*time.Second, 20*time.Millisecond)
	base := "http://" + listening.FindStringSubmatch(log.String())[1]

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
	bearer, url := env["PROVISIONKIT_BEARER"], env["PROVISIONKIT_TOKEN_URL"]
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

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), log)
	for _, event := range []string{
		`GitHub is a fake one`, `github-app-auth.*TokenProvider.*token-endpoint.*git-credential`, `a workspace starts`, `shutting down`,
	} {
		require.Regexp(t, event, log.String())
	}
}

func TestWhatIsWrongAtBootIsSaidAtBoot(t *testing.T) {
	testutil.NeedTool(t, "git")
	github, err := githubapptest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(github.Close)
	app, err := github.SetUp("acme/widgets")
	require.NoError(t, err)
	keyFile := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(keyFile, testutil.RSAKeyPEM(t, 0), 0o600)) // not the App's
	noKey := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(noKey, []byte("no key"), 0o600))
	withApp := func(id, key, api string) []string {
		return []string{"GITHUB_APP_ID=" + id, "GITHUB_APP_INSTALLATION_ID=2", "GITHUB_APP_PRIVATE_KEY_FILE=" + key, "GITHUB_API_URL=" + api}
	}

	for name, c := range map[string]struct {
		env  []string
		says string
	}{
		"half a configuration":      {[]string{"GITHUB_APP_ID=7"}, "GITHUB_APP_PRIVATE_KEY_FILE"},
		"no installation":           {[]string{"GITHUB_APP_ID=7", "GITHUB_APP_PRIVATE_KEY_FILE=" + keyFile}, "GITHUB_APP_INSTALLATION_ID"},
		"an id that is no number":   {withApp("seven", keyFile, github.URL), "GITHUB_APP_ID"},
		"a file without a key":      {withApp("7", noKey, github.URL), "app.pem"},
		"no such file":              {withApp("7", keyFile+".old", github.URL), "app.pem.old"},
		"a key of another App":      {withApp(strconv.FormatInt(app.AppID, 10), keyFile, github.URL), "could not be decoded"},
		"an API that isn't there":   {withApp("7", keyFile, "http://127.0.0.1:1"), "connection refused"},
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
