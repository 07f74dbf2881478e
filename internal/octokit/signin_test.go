package octokit

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestOctokitSignsAPersonInToTheFakeGitHub(t *testing.T) {
	node := testutil.NeedTool(t, "node")
	require.DirExists(t, "node_modules", "run .ci/setup")
	github, err := githubapptest.NewServer(&githubapptest.Options{OnBreach: func(r githubapptest.Request) {
		t.Errorf("%s %s: %s", r.Method, r.Path, r.Breach)
	}})
	require.NoError(t, err)
	t.Cleanup(github.Close)
	setup, err := github.SetUp("acme/widgets")
	require.NoError(t, err)
	propose(t, github, setup, "fix")
	github.AddUser(githubapptest.User{Login: "alice", Access: map[string]string{"acme": "write"}})

	cmd := exec.CommandContext(t.Context(), node, filepath.Join("testdata", "signin.mjs"))
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GITHUB_URL=" + github.URL,
		"CLIENT_ID=" + setup.ClientID, "CLIENT_SECRET=" + setup.ClientSecret(),
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	output, err := cmd.Output()
	require.NoError(t, err, said.String())
	require.JSONEq(t, `{
		"pending": "authorization_pending", "spent": "incorrect_device_code", "again": "bad_refresh_token", "dead": 401,
		"life": [480, 264960], "viewer": "alice", "author": "alice", "state": "state", "web": "alice"
	}`, string(output))
}

// propose has a branch with a commit that could be merged, by whoever may open
// pull requests, as the app then may.
func propose(t *testing.T, github *githubapptest.Server, setup *githubapptest.Setup, branch string) {
	t.Helper()
	github.AddInstallation(githubapptest.Installation{
		ID: setup.InstallationID, AppID: setup.AppID, Account: "acme",
		Permissions: map[string]string{"contents": "write", "pull_requests": "write"},
	})
	git, dir := testutil.NewGit(t), github.RepositoryDir("acme/widgets")
	commit := git.Run(t, dir, "commit-tree", "main^{tree}", "-p", "main", "-m", "Fix")
	git.Run(t, dir, "update-ref", "refs/heads/"+branch, commit)
}
