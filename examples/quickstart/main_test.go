package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// program builds the quickstart.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quickstart.exe")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

func TestAWorkspaceOutlivesItsTokenOnABareMachine(t *testing.T) {
	testutil.NeedTool(t, "git")
	cmd := exec.CommandContext(t.Context(), program(t))
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	started := time.Now()
	out, err := cmd.CombinedOutput()
	text := string(out)
	require.NoError(t, err, text)
	require.Less(t, time.Since(started), limit, text)

	for _, event := range []string{
		`git clone     with the injected token: ok \(token 1\)`,
		`git ls-remote with the injected token: refused with 401 \(token 1\)`,
		`fatal: Authentication failed`,
		`git fetch     with the credential helper: ok \(token 2\)`,
		`git push      with the credential helper: ok \(token 4\)`,
		`endpoint   issued token 4 to ws-1`,
		`succeeded, 1 refused with 401 \(git's exit codes\)`,
		`succeeded, 1 refused with 401 \(GitHub's log\)`,
		`signatures       1 made`,
		`failures: 0`,
	} {
		require.Regexp(t, event, text)
	}
	require.NotRegexp(t, `ghs_|eyJ|PRIVATE KEY`, text, "a token, bearer or key is in the output")

	doctest.RequireShown(t, filepath.Join("..", "..", "README.md"), "go run ./examples/quickstart", text)

	folder := regexp.MustCompile(`starts in (\S+)`).FindStringSubmatch(text)
	require.NotNil(t, folder)
	require.NoDirExists(t, folder[1], "it leaves its folder behind")
}

func TestWithoutGitTheErrorSaysSo(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), program(t))
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	exit, ok := err.(*exec.ExitError)
	require.True(t, ok, "%v", err)
	require.Equal(t, 1, exit.ExitCode())
	require.Equal(t, "quickstart: git is not on PATH, and this is about git: install it (https://git-scm.com/downloads) and try again",
		strings.TrimSpace(string(out)))
}
