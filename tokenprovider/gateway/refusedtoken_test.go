package gateway_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/stretchr/testify/require"
)

// asks has git ask a program for what it would ask a person, and returns what
// that was asked so far.
func asks(t *testing.T, git *testutil.Git) func() string {
	t.Helper()
	folder := t.TempDir()
	asked, program := filepath.Join(folder, "asked"), filepath.Join(folder, "askpass")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho \"$1\" >>'"+asked+"'\necho nobody\n"), 0o700))
	git.Env["GIT_ASKPASS"] = program
	delete(git.Env, "GIT_TERMINAL_PROMPT")
	return func() string {
		content, err := os.ReadFile(asked)
		if err != nil {
			require.ErrorIs(t, err, os.ErrNotExist)
		}
		return string(content)
	}
}

// unauthorized is a forge that takes no token any more.
func unauthorized(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
	w.WriteHeader(http.StatusUnauthorized)
}

func TestGitAsksNobodyWhenTheForgeRefusesTheToken(t *testing.T) {
	testutil.NeedTool(t, "git-lfs")
	p := newPlatform(t, nil)
	url, folder := p.github.URL+"/acme/widgets.git", filepath.Join(t.TempDir(), "widgets")
	git := p.newGit(t, "ws-1")
	git.Run(t, "", "clone", "--quiet", url, folder)
	git.Run(t, folder, "commit", "--quiet", "--allow-empty", "--message", "Work")

	commands := map[string][]string{
		"ls-remote": {"ls-remote", "origin"}, "fetch": {"fetch", "origin", "main"}, "clone": {"clone", url, filepath.Join(t.TempDir(), "clone")},
		"push": {"push", "origin", "HEAD:refs/heads/agent/one"}, "lfs": {"lfs", "locks"},
	}
	for _, c := range []struct {
		path     string
		sentence bool // git shows what the answer to its first request says, and of a later one the status
		commands []string
	}{
		{"/acme/widgets.git/**", true, []string{"ls-remote", "fetch", "clone", "push", "lfs"}},
		{"/acme/widgets.git/git-upload-pack", false, []string{"ls-remote", "fetch", "clone"}},
		{"/acme/widgets.git/git-receive-pack", false, []string{"push"}},
	} {
		stop := p.github.Fail(githubapptest.Rule{Path: c.path, Fault: unauthorized})
		for _, opts := range []gateway.MutatorOptions{{Key: p.key}, {Key: p.key, BearerFile: filepath.Join(t.TempDir(), "bearer")}} {
			m, err := p.Mutator(opts)
			require.NoError(t, err)
			git, _ := p.workspace(t, m, nil)
			asked := asks(t, git)
			for _, name := range c.commands {
				_, stderr, err := git.Try(t, folder, commands[name]...)
				require.Error(t, err, "%s with %s", name, c.path)
				require.Empty(t, asked(), "%s with %s: %s", name, c.path, stderr)
				if c.sentence {
					require.Contains(t, stderr, "the forge refuses the platform's token (401): its operator has to look at that", name)
				} else {
					require.Contains(t, stderr, "502", name)
				}
			}
		}
		stop()
	}

	// The program is asked where a 401 reaches git.
	plain := testutil.NewGit(t)
	asked := asks(t, plain)
	plain.Env["GIT_SSL_NO_VERIFY"] = "true"
	_, _, err := plain.Try(t, folder, "ls-remote", "origin")
	require.Error(t, err)
	require.Contains(t, asked(), "Username for")
	p.requireClean(t)
}
