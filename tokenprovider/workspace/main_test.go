package workspace_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testutil.MoreInParallel()
	goleak.VerifyTestMain(m, goleak.Cleanup(testutil.Exit))
}

var programBuilt sync.Once

// program puts testdata/program into dir under name, and returns its path. It is built as a program of somebody else's: it
// belongs to no module.
func program(t testing.TB, dir, name string) string {
	t.Helper()
	command := testutil.Command(t)
	built := filepath.Join(filepath.Dir(command), "program"+filepath.Ext(command))
	programBuilt.Do(func() {
		source, err := filepath.Abs("testdata/program/main.go")
		require.NoError(t, err)
		build := exec.Command("go", "build", "-o", built, source)
		build.Dir = filepath.Dir(command)
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		output, err := build.CombinedOutput()
		require.NoError(t, err, "%s", output)
	})
	path := filepath.Join(dir, name+filepath.Ext(built))
	require.NoError(t, os.Link(built, path))
	return path
}

// given is what testdata/program printed.
type given struct {
	Args  []string `json:"args"`
	Env   []string `json:"env"`
	Stdin string   `json:"stdin"`
}

func (r result) given(t testing.TB) given {
	t.Helper()
	var g given
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &g), "%s%s", r.stdout, r.stderr)
	return g
}

// values are those of all variables of that name.
func (g given) values(name string) []string {
	var values []string
	for _, variable := range g.Env {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			values = append(values, value)
		}
	}
	return values
}

// result is what one run of the command left.
type result struct {
	stdout, stderr string
	code           int
}

// answered is the password that was printed for git.
func (r result) answered(t testing.TB) string {
	t.Helper()
	require.Zero(t, r.code, r.stderr)
	require.Empty(t, r.stderr)
	for line := range strings.SplitSeq(r.stdout, "\n") {
		if password, ok := strings.CutPrefix(line, "password="); ok {
			return password
		}
	}
	t.Fatal("no password was printed")
	return ""
}

// failed requires that nothing was printed but one line that says why, and returns it.
func (r result) failed(t testing.TB) string {
	t.Helper()
	require.Equal(t, 1, r.code)
	require.Empty(t, r.stdout)
	require.True(t, strings.HasPrefix(r.stderr, "git-credential-provisionkit: "), r.stderr)
	require.Equal(t, 1, strings.Count(r.stderr, "\n"), r.stderr)
	return r.stderr
}

// call runs the command within this process.
func call(t testing.TB, env map[string]string, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := &workspace.Command{
		Args: append([]string{"git-credential-provisionkit"}, args...), Env: func(name string) string { return env[name] }, Environ: environ(env),
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
	}
	code := c.Run(t.Context())
	return checked(t, env, result{stdout.String(), stderr.String(), code})
}

// environ is env as a process gets it.
func environ(env map[string]string) []string {
	list := []string{}
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// process is a run of the built command, not yet started, with env and nothing else in its environment.
func process(ctx context.Context, t testing.TB, env map[string]string, stdin string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, testutil.Command(t), args...)
	cmd.Env = environ(env)
	cmd.Stdin = strings.NewReader(stdin)
	return cmd
}

// start runs the built command to its end.
func start(t testing.TB, env map[string]string, stdin string, args ...string) result {
	t.Helper()
	return run(t, env, process(t.Context(), t, env, stdin, args...))
}

// run runs cmd, which is the built command or a link to it, to its end.
func run(t testing.TB, env map[string]string, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run the command: %v", err)
	}
	return checked(t, env, result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()})
}

// checked requires that no secret is on standard error.
func checked(t testing.TB, env map[string]string, r result) result {
	t.Helper()
	secrets := []string{env["PROVISIONKIT_BEARER"]}
	if content, err := os.ReadFile(env["PROVISIONKIT_BEARER_FILE"]); err == nil {
		secrets = append(secrets, strings.TrimSpace(string(content)))
	}
	for line := range strings.SplitSeq(r.stdout, "\n") {
		if password, ok := strings.CutPrefix(line, "password="); ok {
			secrets = append(secrets, password)
		}
	}
	require.Empty(t, testutil.Leak(r.stderr, secrets...))
	require.NotContains(t, r.stderr, "ghs_")
	return r
}
