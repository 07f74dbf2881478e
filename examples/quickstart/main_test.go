package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// envLife makes the binary of these tests the quickstart, with tokens of that
// life.
const envLife = "QUICKSTART_TOKEN_LIFE"

func TestMain(m *testing.M) {
	if local.IsHelper() {
		main()
	}
	life, err := time.ParseDuration(os.Getenv(envLife))
	if err != nil {
		os.Exit(m.Run())
	}
	exit(quickstart(life))
}

// tell runs the quickstart, with nothing in its environment but a home and
// path.
func tell(t *testing.T, life time.Duration, path string) (text string, err error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + path, envLife + "=" + life.String()}
	started := time.Now()
	output, err := cmd.CombinedOutput()
	require.Less(t, time.Since(started), limit, "%s", output)
	return string(output), err
}

// slow reports whether a command of git failed that took more than half of a
// token's life: no token is promised to live for longer.
func slow(t *testing.T, text string, life time.Duration) bool {
	t.Helper()
	failed := regexp.MustCompile(`FAILED after ([0-9.]+) s`).FindStringSubmatch(text)
	if failed == nil {
		return false
	}
	seconds, err := strconv.ParseFloat(failed[1], 64)
	require.NoError(t, err)
	return seconds > life.Seconds()/2
}

func TestAWorkspaceNeedsNoTokenOrOutlivesIt(t *testing.T) {
	t.Parallel()
	testutil.NeedTool(t, "git")
	text, err := tell(t, tokenLife/2, os.Getenv("PATH"))
	if slow(t, text, tokenLife/2) {
		t.Log("this machine is busy: once more, with tokens that live longer")
		text, err = tell(t, tokenLife, os.Getenv("PATH"))
	}
	require.NoError(t, err, text)

	for _, event := range []string{
		`git clone     with its bearer alone: ok \(token \d+\)`,
		`git push      with its bearer alone: ok \(token \d+\)`,
		`git push      with its bearer alone: refused by the platform's policy`,
		`remote rejected\] HEAD -> main \(the policy of this workspace doesn't allow a push to refs/heads/main`,
		`gh (api        with its bearer alone: ok|isn't shown: )`,
		`has 0 tokens of GitHub in its environment and files`,
		`by the gateway   3: 2 succeeded, 1 refused by the policy`,
		`git clone     with the injected token: ok \(token \d+\)`,
		`git ls-remote with the injected token: refused with 401 \(token \d+\)`,
		`fatal: Authentication failed`,
		`git fetch     with the credential helper: ok \(token \d+\)`,
		`git push      with the credential helper: ok \(token \d+\)`,
		`endpoint   issued token \d+ to ws-2`,
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
	t.Parallel()
	text, err := tell(t, tokenLife, t.TempDir())
	exit, ok := err.(*exec.ExitError)
	require.True(t, ok, "%v", err)
	require.Equal(t, 1, exit.ExitCode())
	require.Equal(t, "quickstart: git is not on PATH, and this is about git: "+
		"install it (https://git-scm.com/downloads) and try again", strings.TrimSpace(text))
}
