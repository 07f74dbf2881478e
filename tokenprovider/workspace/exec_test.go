package workspace_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
	"github.com/stretchr/testify/require"
)

// bothWays has the command as a process, and within this one.
var bothWays = map[string]func(testing.TB, map[string]string, string, ...string) result{
	"process": start, "call": call,
}

func TestExecRunsAProgramWithALiveTokenInPlaceOfADeadOne(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	dir := t.TempDir()
	path := program(t, dir, "tool")
	env := p.Env(t, "ws-1")
	env["PATH"], env["KEPT"] = "relative:"+string(os.PathListSeparator)+dir, "a b"
	env["GH_TOKEN"], env["GITHUB_TOKEN"] = "ghs_dead", "somebody's own"
	for name, args := range map[string][]string{
		"by name":      {"exec", "--", "tool", "--help", "a b", ""},
		"by path":      {"exec", "--", path, "--help", "a b", ""},
		"without dash": {"exec", "tool", "--help", "a b", ""},
	} {
		for how, run := range bothWays {
			r := run(t, env, "input", args...)
			require.Zero(t, r.Code, "%s, %s: %s", name, how, r.Stderr)
			require.Empty(t, r.Stderr)
			g := r.Given(t)
			require.Equal(t, []string{firstToken}, g.Values("GH_TOKEN"))
			require.Equal(t, []string{firstToken}, g.Values("GITHUB_TOKEN"))
			require.Equal(t, []string{"a b"}, g.Values("KEPT"))
			require.Len(t, g.Env, len(env), "nothing else is new")
			require.Equal(t, []string{"--help", "a b", ""}, g.Args[1:])
			require.Equal(t, "input", g.Stdin)
		}
	}
	require.Len(t, p.Asked(), 6, "one for each")
	require.Equal(t, "10m0s", p.Asked()[0].URL.Query().Get("min_ttl"))
}

// TestExecLeadsNoGhToGiveTheTokenToAnyHost is about the real gh as git's
// helper, which with CODESPACES answers for all.
func TestExecLeadsNoGhToGiveTheTokenToAnyHost(t *testing.T) {
	t.Parallel()
	gh := testutil.NeedTool(t, "gh")
	env := newPlatform(t, workspacetest.Hourly()).Env(t, "ws-1")
	env["PATH"], env["HOME"], env["CODESPACES"] = filepath.Dir(gh), t.TempDir(), "true"
	ask := []string{"exec", "--", gh, "auth", "git-credential", "get"}
	require.Contains(t, start(t, env, "protocol=https\nhost=github.com\n\n", ask...).Stdout,
		"password="+firstToken+"\n")
	r := start(t, env, "protocol=https\nhost=evil.example\n\n", ask...)
	require.Empty(t, r.Stdout)
	require.NotZero(t, r.Code)
}

func TestExecEndsAsItsProgramDoes(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	env["PATH"], env["PROGRAM_EXIT"] = t.TempDir(), "42"
	program(t, env["PATH"], "tool")
	require.Equal(t, 42, start(t, env, "", "exec", "--", "tool").Code)
	require.Equal(t, 42, call(t, env, "", "exec", "--", "tool").Code)
}

func TestSignalsReachTheProgramAndEndBoth(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no signals there")
	}
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	env["PATH"], env["HOME"], env["PROGRAM_WAIT"] = t.TempDir(), t.TempDir(), "1"
	program(t, env["PATH"], "tool")
	program(t, env["PATH"], "gh")
	for _, args := range [][]string{{"exec", "--", "tool"}, {"gh", "pr", "list"}} {
		for signal, ends := range map[syscall.Signal]func(syscall.WaitStatus) bool{
			syscall.SIGTERM: func(s syscall.WaitStatus) bool { return s.ExitStatus() == 7 },
			syscall.SIGINT: func(s syscall.WaitStatus) bool {
				return s.Signaled() && s.Signal() == syscall.SIGINT
			},
			syscall.SIGKILL: func(s syscall.WaitStatus) bool {
				return s.Signaled() && s.Signal() == syscall.SIGKILL
			},
		} {
			if args[0] == "gh" && signal == syscall.SIGKILL && runtime.GOOS != "linux" {
				continue // gh is a child, which outlives this process there
			}
			cmd := process(t.Context(), t, env, "", args...)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			lines := bufio.NewScanner(stdout)
			require.True(t, lines.Scan())
			if args[0] == "exec" {
				require.Equal(t, strconv.Itoa(cmd.Process.Pid), lines.Text(), "it is the process that was started")
			}
			if arguments, err := os.ReadFile(filepath.Join("/proc", lines.Text(), "cmdline")); runtime.GOOS == "linux" {
				require.NoError(t, err)
				require.Empty(t,
					testutil.Leak(string(arguments), firstToken, env["PROVISIONKIT_BEARER"]))
			}
			require.NoError(t, cmd.Process.Signal(signal))
			for lines.Scan() {
			}
			_ = cmd.Wait()
			require.True(t, ends(cmd.ProcessState.Sys().(syscall.WaitStatus)), "%v %s: %s", args,
				signal, cmd.ProcessState)
		}
	}
}

func TestExecAsksItsProgramToEndWhenItsContextDoes(t *testing.T) {
	t.Parallel()
	sh := testutil.NeedTool(t, "sh")
	p := newPlatform(t, workspacetest.Hourly())
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_, _ = bufio.NewReader(r).ReadString('\n')
		cancel()
	}()
	script := "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"
	c := &workspace.Command{
		Args:    []string{"git-credential-provisionkit", "exec", "--", sh, "-c", script},
		Environ: workspacetest.Environ(p.Env(t, "ws-1")), Stdout: w, Stderr: io.Discard,
	}
	require.Equal(t, 7, c.Run(ctx))
}

func TestWhatCannotBeRunHasTheExitCodesOfEnvAndCostsNoToken(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a file has no right to be run there")
	}
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, []byte("data"), 0o600))
	env["PATH"] = dir
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no such name":       {[]string{"exec", "--", "nothing"}, 127, "nothing"},
		"no such file":       {[]string{"exec", "--", dir + "/nothing"}, 127, "nothing"},
		"a plain file":       {[]string{"exec", "--", "plain"}, 126, "permission denied"},
		"a path to it":       {[]string{"exec", "--", plain}, 126, "permission denied"},
		"a folder":           {[]string{"exec", "--", dir}, 126, dir},
		"no program":         {[]string{"exec", "--"}, 125, "no command"},
		"nothing":            {[]string{"exec"}, 125, "no command"},
		"an empty name":      {[]string{"exec", "--", ""}, 125, "no command"},
		"an unknown flag":    {[]string{"exec", "-i", "plain"}, 125, "--help"},
		"without a platform": {[]string{"exec", "--", "nothing"}, 127, "nothing"},
	} {
		r := start(t, env, "", c.args...)
		require.Equal(t, c.code, r.Code, name)
		require.Empty(t, r.Stdout, name)
		require.Contains(t, r.Stderr, c.says, name)
		require.Equal(t, 1, strings.Count(r.Stderr, "\n"), name)
	}
	require.Empty(t, p.Asked())

	for name, content := range map[string]string{"no format": "data", "no interpreter": "#!/nowhere/interpreter\n"} {
		require.NoError(t, os.WriteFile(plain, []byte(content), 0o700))
		for how, run := range bothWays {
			require.NoError(t, os.Chmod(plain, 0o700))
			r := run(t, env, "", "exec", "--", "plain")
			require.Equal(t, 126, r.Code, "%s, %s", name, how)
			require.Contains(t, r.Stderr, "can't be run", name)
		}
	}
}

func TestWithoutATokenNothingIsRun(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	p.Down()
	dir := t.TempDir()
	program(t, dir, "tool")
	env := p.Env(t, "ws-1")
	env["PATH"], env["GH_TOKEN"] = dir, "ghs_dead"
	for says, env := range map[string]map[string]string{
		"502":                        env,
		"PROVISIONKIT_URL isn't set": {"PATH": dir, "GITHUB_TOKEN": "ghp_broad"},
	} {
		r := start(t, env, "", "exec", "--", "tool")
		require.Equal(t, 125, r.Code)
		require.Empty(t, r.Stdout)
		require.Contains(t, r.Stderr, "the command isn't run: ")
		require.Contains(t, r.Stderr, says)
	}
}

func TestAProgramThatARepositoryBringsIsNotFound(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	hostile := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(hostile, "bin"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(hostile, "off", "tool"), 0o700)) // which can't be run
	for _, name := range []string{"tool", "gh", "git", "sh"} {
		program(t, hostile, name)
		program(t, filepath.Join(hostile, "bin"), name)
	}
	env := p.Env(t, "ws-1")
	for _, list := range []string{".", "", "bin", "./bin", "off", ":", "./", ".:/nowhere", "/nowhere::/nowhere"} {
		env["PATH"] = strings.ReplaceAll(list, ":", string(os.PathListSeparator))
		cmd := process(t.Context(), t, env, "", "exec", "--", "tool")
		cmd.Dir = hostile
		require.Equal(t, 127, run(t, env, cmd).Code, list)
	}
	require.Empty(t, p.Asked())
}
