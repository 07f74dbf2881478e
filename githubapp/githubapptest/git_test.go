package githubapptest_test

import (
	"crypto/rand"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestGitClonesFetchesAndPushesWithAToken(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*githubapptest.Options{
		"over HTTP/1.1, a classic token": {TokenFormat: githubapptest.FormatClassic},
		"over HTTPS, a stateless token":  {TLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, opts)
			url, err := f.AddRepository("acme/widgets")
			require.NoError(t, err)
			require.Equal(t, f.URL+"/acme/widgets.git", url)
			token, _ := f.mint("")
			git := f.newGit(token)

			var chunked atomic.Bool
			f.Fail(githubapptest.Rule{Path: "/**", Fault: githubapptest.Hang, Match: func(r *http.Request) bool {
				chunked.CompareAndSwap(false, r.ContentLength < 0)
				return false
			}})
			one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
			git.Run(t, "", "clone", "--quiet", url, one)
			git.Run(t, "", "clone", "--quiet", url, two)
			readme, err := os.ReadFile(filepath.Join(one, "README.md"))
			require.NoError(t, err)
			require.Equal(t, "# widgets\n", string(readme))

			// More than http.postBuffer (1 MiB), incompressible: git sends it
			// chunked on HTTP/1.1.
			large := make([]byte, 3<<20)
			_, _ = rand.Read(large)
			require.NoError(t, os.WriteFile(filepath.Join(one, "large"), large, 0o600))
			git.Run(t, one, "add", "large")
			git.Run(t, one, "commit", "--quiet", "--message", "Add a large file")
			// Over HTTP/2 libcurl 7.88 now and then sends no more, although the
			// server waits for it and has room.
			git.Run(t, one, "-c", "http.version=HTTP/1.1", "push", "--quiet")
			git.Run(t, two, "pull", "--quiet")
			pulled, err := os.ReadFile(filepath.Join(two, "large"))
			require.NoError(t, err)
			require.Equal(t, large, pulled)
			require.True(t, chunked.Load(), "no request came without a length")
		})
	}
}

func TestGitIsRefusedAsGitHubRefusesIt(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	url, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	_, err = f.AddRepository("acme/gadgets")
	require.NoError(t, err)
	_, err = f.AddRepository("other/things")
	require.NoError(t, err)
	write, _ := f.mint("")
	read, _ := f.mint(`{"permissions":{"contents":"read"}}`)
	none, _ := f.mint(`{"permissions":{"issues":"read"}}`)
	gadgets, _ := f.mint(`{"repositories":["gadgets"]}`)
	dead, _ := f.mint("")
	f.RevokeToken(dead)
	refused, _ := f.mint("")
	f.RefuseToken(refused)

	clone := filepath.Join(t.TempDir(), "clone")
	f.newGit(write).Run(t, "", "clone", "--quiet", url, clone)
	fetch, push := []string{"-C", clone, "ls-remote"}, []string{"-C", clone, "push", "--force", "origin", "main:branch"}

	for name, c := range map[string]struct {
		username, token string
		args            []string
		stderr          string // "" means success
	}{
		"a push with write access":      {"x-access-token", write, push, ""},
		"a fetch with read access":      {"x-access-token", read, fetch, ""},
		"a push with read access":       {"x-access-token", read, push, "Permission to acme/widgets.git denied to robot[bot]"},
		"a fetch without contents":      {"x-access-token", none, fetch, "The requested URL returned error: 403"},
		"a token of another scope":      {"x-access-token", gadgets, fetch, "Repository not found"},
		"another account's repository":  {"x-access-token", write, []string{"ls-remote", f.URL + "/other/things.git"}, "Repository not found"},
		"no such repository":            {"x-access-token", write, []string{"ls-remote", f.URL + "/acme/nothing.git"}, "Repository not found"},
		"a name without .git":           {"x-access-token", write, []string{"ls-remote", f.URL + "/acme/widgets"}, ""},
		"a name in other letters":       {"x-access-token", write, []string{"ls-remote", f.URL + "/Acme/Widgets.git"}, ""},
		"a revoked token":               {"x-access-token", dead, fetch, "Authentication failed"},
		"a refused token":               {"x-access-token", refused, fetch, "Authentication failed"},
		"an unknown token":              {"x-access-token", "ghs_unknown", fetch, "Authentication failed"},
		"another username":              {"bob", write, fetch, ""},
		"another username and no token": {"bob", "secret", fetch, "Authentication failed"},
	} {
		t.Run(name, func(t *testing.T) {
			git := f.newGit("")
			authenticate(git, c.username, c.token)
			_, stderr, err := git.Try(t, "", c.args...)
			if c.stderr == "" {
				require.NoError(t, err, stderr)
				return
			}
			require.Error(t, err)
			require.Contains(t, stderr, c.stderr)
		})
	}

	t.Run("a suspended installation", func(t *testing.T) {
		f.Suspend(installationID, true)
		defer f.Suspend(installationID, false)
		_, stderr, err := f.newGit(write).Try(t, "", fetch...)
		require.Error(t, err)
		require.Contains(t, stderr, "This installation has been suspended")
	})
	t.Run("without credentials", func(t *testing.T) {
		resp := f.do("GET", "/acme/widgets.git/info/refs?service=git-upload-pack", "", "")
		require.Equal(t, 401, resp.StatusCode)
		require.Equal(t, `Basic realm="GitHub"`, resp.Header.Get("WWW-Authenticate"))
		require.NotEmpty(t, resp.Header.Get("X-GitHub-Request-Id"))
	})
	t.Run("Bearer, which is for the API", func(t *testing.T) {
		require.Equal(t, 401, f.do("GET", "/acme/widgets.git/info/refs?service=git-upload-pack", "Bearer "+write, "").StatusCode)
	})
	t.Run("the dumb protocol", func(t *testing.T) {
		git := f.newGit(write)
		git.Env["GIT_SMART_HTTP"] = "0"
		_, stderr, err := git.Try(t, "", fetch...)
		require.Error(t, err)
		require.Contains(t, stderr, "403")
	})
	t.Run("two Authorization headers", func(t *testing.T) {
		git := f.newGit(write)
		_, stderr, err := git.Try(t, "", "-c", "http.extraHeader=Authorization: Basic eDp5", "-c", "http.extraHeader=Authorization: Basic eDp6", "ls-remote", url)
		require.Error(t, err)
		require.Contains(t, stderr, "400")
	})
	t.Run("a repository that only the API has", func(t *testing.T) {
		f.AddInstallation(githubapptest.Installation{ID: 9, AppID: appID, Account: account, Repositories: []string{"acme/paper"}})
		_, stderr, err := f.newGit(write).Try(t, "", "ls-remote", f.URL+"/acme/paper.git")
		require.Error(t, err)
		require.Contains(t, stderr, "Repository not found")
	})
}

func TestGitFollowsARenamedRepository(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	url, err := f.AddRepository("acme/old")
	require.NoError(t, err)
	require.NoError(t, f.RenameRepository("acme/old", "acme/new"))
	token, _ := f.mint("")
	clone := filepath.Join(t.TempDir(), "clone")
	git := f.newGit(token)
	git.Run(t, "", "clone", "--quiet", url, clone)
	require.NotEmpty(t, f.RepositoryDir("acme/new"))
	require.Equal(t, f.RepositoryDir("acme/new"), f.RepositoryDir("acme/old"))

	_, err = f.AddRepository("acme/old") // whose name is free again
	require.NoError(t, err)
	require.NotEqual(t, f.RepositoryDir("acme/new"), f.RepositoryDir("acme/old"))
}

func TestTheTokenIsCheckedOnEachRequestOfGit(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	url, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	token, _ := f.mint("")
	clone := filepath.Join(t.TempDir(), "clone")
	git := f.newGit(token)
	git.Run(t, "", "clone", "--quiet", url, clone)

	// The token dies between the discovery of refs and the pack.
	f.Fail(githubapptest.Rule{Path: "/acme/widgets.git/git-receive-pack", Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		f.RevokeToken(token)
		next.ServeHTTP(w, r)
	}})
	git.Run(t, clone, "commit", "--quiet", "--allow-empty", "--message", "Try")
	_, stderr, err := git.Try(t, clone, "push")
	require.Error(t, err)
	require.Contains(t, stderr, "401")

	var services, statuses []any
	for _, r := range f.Requests() {
		if r.GitService == "git-receive-pack" && r.TokenSHA256 != "" {
			services, statuses = append(services, path.Base(r.Path)), append(statuses, r.Status)
			require.EqualValues(t, installationID, r.InstallationID)
			require.Equal(t, "Basic", r.AuthScheme)
		}
	}
	require.Equal(t, []any{"refs", "git-receive-pack"}, services)
	require.Equal(t, []any{200, 401}, statuses)
}

func TestNoHookOfARepositorySeesTheToken(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("hooks are shell scripts")
	}
	f := newFake(t, nil)
	url, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	dump := filepath.Join(t.TempDir(), "environment")
	hooks := filepath.Join(f.RepositoryDir("acme/widgets"), "hooks")
	require.NoError(t, os.MkdirAll(hooks, 0o700))
	script := "#!/bin/sh\nenv >'" + dump + "'\n"
	require.NoError(t, os.WriteFile(filepath.Join(hooks, "pre-receive"), []byte(script), 0o700))

	t.Setenv("MACHINE_SECRET", "of the process around the server")
	token, _ := f.mint("")
	clone := filepath.Join(t.TempDir(), "clone")
	git := f.newGit(token)
	git.Run(t, "", "clone", "--quiet", url, clone)
	git.Run(t, clone, "push", "--quiet", "origin", "main:branch")
	environment, err := os.ReadFile(dump)
	require.NoError(t, err)
	require.Contains(t, string(environment), "GIT_PROJECT_ROOT=")
	require.NotContains(t, string(environment), "MACHINE_SECRET")
	require.Empty(t, testutil.Leak(string(environment), token))
}
