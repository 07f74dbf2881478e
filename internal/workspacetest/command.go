// Package workspacetest has what the tests of the command and its rooms share:
// a platform, runs of the command within this process and as it is built, a
// program for it to run, and a forge with a git that is wired to it.
package workspacetest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
	"github.com/stretchr/testify/require"
)

// Request is git's for a credential.
const Request = "protocol=https\nhost=github.com\n\n"

// Result is what one run of the command left.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Answered returns the password that was printed for git.
func (r Result) Answered(t testing.TB) string {
	t.Helper()
	require.Zero(t, r.Code, r.Stderr)
	require.Empty(t, r.Stderr)
	for line := range strings.SplitSeq(r.Stdout, "\n") {
		if password, ok := strings.CutPrefix(line, "password="); ok {
			return password
		}
	}
	t.Fatal("no password was printed")
	return ""
}

// Failed requires that nothing was printed but one line that says why, and
// returns that.
func (r Result) Failed(t testing.TB) string {
	t.Helper()
	require.Equal(t, 1, r.Code)
	require.Empty(t, r.Stdout)
	require.True(t, strings.HasPrefix(r.Stderr, "git-credential-provisionkit: "), r.Stderr)
	require.Equal(t, 1, strings.Count(r.Stderr, "\n"), r.Stderr)
	return r.Stderr
}

// Clean requires that no secret is on standard error, and returns r.
func (r Result) Clean(t testing.TB, env map[string]string) Result {
	t.Helper()
	secrets := []string{env["PROVISIONKIT_BEARER"]}
	if content, err := os.ReadFile(env["PROVISIONKIT_BEARER_FILE"]); err == nil {
		secrets = append(secrets, strings.TrimSpace(string(content)))
	}
	for line := range strings.SplitSeq(r.Stdout, "\n") {
		if password, ok := strings.CutPrefix(line, "password="); ok {
			secrets = append(secrets, password)
		}
	}
	require.Empty(t, testutil.Leak(r.Stderr, secrets...))
	require.NotContains(t, r.Stderr, "ghs_")
	return r
}

// Call runs the command within this process.
func Call(t testing.TB, env map[string]string, stdin string, args ...string) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := &workspace.Command{
		Args: append([]string{"git-credential-provisionkit"}, args...),
		Env:  func(name string) string { return env[name] }, Environ: Environ(env),
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
	}
	code := c.Run(t.Context())
	return Result{stdout.String(), stderr.String(), code}.Clean(t, env)
}

// Erase tells the command, as git does, that a password was refused.
func Erase(t testing.TB, env map[string]string, password string) {
	t.Helper()
	require.Equal(t, Result{}, Call(t, env, Refused(password), "erase"))
}

// Refused is git's report of a password.
func Refused(password string) string {
	return "protocol=https\nhost=github.com\nusername=x-access-token\npassword=" + password + "\n\n"
}

// Environ returns env as a process gets it.
func Environ(env map[string]string) []string {
	list := []string{}
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// Process returns a run of the built command, not yet started, with env and
// nothing else in its environment.
func Process(ctx context.Context, t testing.TB, env map[string]string, stdin string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, testutil.Command(t), args...)
	cmd.Env = Environ(env)
	cmd.Stdin = strings.NewReader(stdin)
	return cmd
}

// Start runs the built command to its end.
func Start(t testing.TB, env map[string]string, stdin string, args ...string) Result {
	t.Helper()
	return Run(t, env, Process(t.Context(), t, env, stdin, args...))
}

// Run runs cmd, which is the built command or a link to it, to its end.
func Run(t testing.TB, env map[string]string, cmd *exec.Cmd) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run the command: %v", err)
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}.Clean(t, env)
}

// Eventually polls until met is true.
func Eventually(t testing.TB, met func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !met(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), what)
	}
}
