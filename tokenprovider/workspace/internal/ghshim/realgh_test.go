package ghshim_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// newGHShim makes a workspace with git and the real gh behind the shim, which
// takes the fake for github.com.
func newGHShim(t *testing.T, life time.Duration) (*workspacetest.Forge, *shim) {
	t.Helper()
	gh := testutil.NeedTool(t, "gh")
	f := workspacetest.NewForge(t, life, nil)
	socket, err := f.GitHub.ListenUnix()
	require.NoError(t, err)
	s := &shim{Platform: f.Platform, env: maps.Clone(f.Env), dir: t.TempDir()}
	s.link = filepath.Join(s.dir, "gh"+filepath.Ext(testutil.Command(t)))
	workspacetest.Link(t, testutil.Command(t), s.link)
	maps.Copy(s.env, testutil.GHEnv(t, f.Home, socket))
	maps.Copy(s.env, map[string]string{
		"PATH":               s.dir + string(os.PathListSeparator) + filepath.Dir(gh) + string(os.PathListSeparator) + s.env["PATH"],
		"PROVISIONKIT_HOSTS": "github.com",
		"GH_TOKEN":           "ghs_dead0000000000000000000000000000000000",
		"GITHUB_TOKEN":       "ghs_dead0000000000000000000000000000000000",
	})
	return f, s
}

func TestTheRealGhWorksOnOverManyLivesOfATokenBesideGit(t *testing.T) {
	t.Parallel()
	f, s := newGHShim(t, 2*time.Second)
	f.Run(t, f.Dir, "clone", "--quiet", f.URL, "clone")
	f.ForLives(3, func() {
		r := s.gh(t, nil, "api", "repos/acme/widgets", "--jq", ".full_name")
		require.Equal(t, result{Stdout: "acme/widgets\n"}, r)
		f.Push(t, filepath.Join(f.Dir, "clone"))
	})
	f.GitHub.SetTokenLife(time.Hour) // what follows is about its name, and not about its death

	status := process(t.Context(), t, s.env, "", "auth", "status")
	status.Path, status.Args[0] = s.link, "gh"
	said, err := status.CombinedOutput() // gh itself shows a part of the token there
	require.NoError(t, err)
	require.Regexp(t, `Logged in to github.com (as app-|account app-)`, string(said)) // gh asks for the name, or has it from the login
	token := strings.TrimSpace(start(t, s.env, "", "token").Stdout)
	require.Equal(t, token+"\n", s.gh(t, nil, "auth", "token").Stdout)
	require.Contains(t, s.gh(t, nil, "repo", "view", "acme/widgets").Stdout, "acme/widgets")
}

func TestTheRealGhLogsInAlthoughAnInjectedTokenIsThere(t *testing.T) {
	t.Parallel()
	f, s := newGHShim(t, time.Hour)
	cmd := process(t.Context(), t, s.env, "ghp_a-token-of-a-person", "auth", "login",
		"--with-token")
	cmd.Path, cmd.Args[0] = s.link, "gh"
	r := run(t, s.env, cmd)
	require.NotContains(t, r.Stderr, "environment variable is being used for authentication")

	bare := process(t.Context(), t, s.env, "ghp_a-token-of-a-person", "auth", "login",
		"--with-token")
	bare.Path = testutil.NeedTool(t, "gh")
	require.Contains(t, run(t, nil, bare).Stderr,
		"environment variable is being used for authentication")
	require.Empty(t, f.Platform.Asked())
}

func TestTheRealGhAsksTheForgeForNothingWithAnotherToken(t *testing.T) {
	t.Parallel()
	f, s := newGHShim(t, time.Hour)
	f.Platform.Down()
	hosts := filepath.Join(s.env["GH_CONFIG_DIR"], "hosts.yml")
	require.NoError(t,
		os.WriteFile(hosts, []byte("github.com:\n    oauth_token: gho_broad\n    user: operator\n"), 0o600))
	require.Contains(t,
		s.gh(t, map[string]string{"GITHUB_TOKEN": "ghp_broad"}, "api", "repos/acme/widgets").Failed(t),
		hosts)
	require.NoError(t, os.Remove(hosts))

	r := s.gh(t, map[string]string{"GITHUB_TOKEN": "ghp_broad"}, "api", "repos/acme/widgets")
	require.Equal(t, 4, r.Code, "gh's own exit code for want of a login")
	require.Contains(t, r.Stderr, "gh runs without a token: ")
	for _, request := range f.GitHub.Requests() {
		require.NotContains(t, request.Path, "/repos/", "gh asked although it had no token")
	}
}

// TestWhatGhStartsComesBackToTheShimForItsToken is about an alias; extensions
// and the git that gh starts use GH_PATH too.
func TestWhatGhStartsComesBackToTheShimForItsToken(t *testing.T) {
	t.Parallel()
	_, s := newGHShim(t, time.Hour)
	require.Zero(t,
		s.gh(t, nil, "alias", "set", "nested", `!GH_TOKEN=ghs_dead "$GH_PATH" auth token; GH_TOKEN=ghs_dead gh auth token`).Code)
	token := strings.TrimSpace(start(t, s.env, "", "token").Stdout)
	require.Equal(t, token+"\n"+token+"\n", s.gh(t, nil, "nested").Stdout)
}

// TestTheRealGhMakesNoCallsOfItsOwnForOurLogins is about gh from 2.40 on, which
// asks each host for the name of its login where config.yml has no version.
func TestTheRealGhMakesNoCallsOfItsOwnForOurLogins(t *testing.T) {
	t.Parallel()
	h, s := newRealShim(t)
	s.env["PROVISIONKIT_HOSTS"] = "ghes.example,github.com"
	settings := filepath.Join(s.env["GH_CONFIG_DIR"], "config.yml")
	content, err := os.ReadFile(settings)
	require.NoError(t, err)
	bare := strings.ReplaceAll(string(content), "version: \"1\"\n", "")
	require.NotEqual(t, string(content), bare)
	require.NoError(t, os.WriteFile(settings, []byte(bare), 0o600))
	require.Zero(t, s.gh(t, nil, "api", "--hostname", "ghes.example", "user").Code)
	require.Equal(t, map[string][]string{"ghes.example": {"token " + firstToken}}, h.take())

	// An empty home: everything that gh asks for would fail.
	delete(s.env, "GH_CONFIG_DIR")
	s.env["HOME"], s.env["HTTPS_PROXY"] = t.TempDir(), "http://127.0.0.1:1"
	for _, args := range [][]string{{"auth", "token"}, {"auth", "token", "--hostname", "ghes.example"}} {
		require.Equal(t, result{Stdout: firstToken + "\n"}, s.gh(t, nil, args...))
	}
	require.Empty(t, entries(t, s.env["HOME"]))
}

func TestTheRealGhIsStuckWithARefusedTokenForOneCommand(t *testing.T) {
	t.Parallel()
	f, s := newGHShim(t, time.Hour)
	f.GitHub.RefuseToken(strings.TrimSpace(start(t, s.env, "", "token").Stdout))
	for _, args := range [][]string{{"api", "repos/acme/widgets"}} {
		r := s.gh(t, nil, args...)
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Stderr, "the forge refused the token (401): the platform was told, and the next gh gets another one\n")
	}
	require.Equal(t, result{Stdout: "acme/widgets\n"}, s.gh(t, nil, "api", "repos/acme/widgets", "--jq", ".full_name"))

	mints := f.GitHub.Mints()
	require.Equal(t, 1, s.gh(t, nil, "api", "repos/acme/nothing").Code)
	require.Equal(t, mints, f.GitHub.Mints(), "any other failure is no report")
}
