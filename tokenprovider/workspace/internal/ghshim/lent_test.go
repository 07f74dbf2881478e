//go:build unix

package ghshim_test

import (
	"bufio"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// newServerShim makes a workspace of two hosts, for which gh needs a folder,
// and returns where that is made.
func newServerShim(t *testing.T) (s *shim, parent string) {
	t.Helper()
	s, parent = newShim(t), t.TempDir()
	maps.Copy(s.env, map[string]string{
		"PROVISIONKIT_HOSTS": "ghes.example,github.com", "GH_HOST": "ghes.example", "XDG_RUNTIME_DIR": parent,
	})
	return s, parent
}

// begin starts a gh that waits for a signal, and returns its process id too.
func (s *shim) begin(t *testing.T, change map[string]string) (cmd *exec.Cmd, pid int) {
	t.Helper()
	env := maps.Clone(s.env)
	maps.Copy(env, map[string]string{"PROGRAM_WAIT": "1"})
	maps.Copy(env, change)
	cmd = process(t.Context(), t, env, "", "pr", "list")
	cmd.Path, cmd.Args[0] = s.link, "gh"
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "gh runs")
	pid, err = strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	return cmd, pid
}

func TestTheFolderOfGhsLoginsGoesWithGh(t *testing.T) {
	t.Parallel()
	s, parent := newServerShim(t)
	r := s.gh(t, map[string]string{"PROGRAM_EXIT": "3"}, "pr", "list")
	require.Equal(t, 3, r.Code)
	require.Empty(t, r.Stderr)
	require.Equal(t, parent, filepath.Dir(r.Given(t).Values("GH_CONFIG_DIR")[0]))
	require.Empty(t, entries(t, parent))

	for signal, want := range map[syscall.Signal]struct {
		code int // -1: ended by the signal
	}{
		syscall.SIGTERM: {7}, // which the program handles
		syscall.SIGINT:  {-1}, syscall.SIGHUP: {-1},
		syscall.SIGQUIT: {2}, // with a dump, as programs in Go have it
	} {
		cmd, _ := s.begin(t, nil)
		made := entries(t, parent)
		require.Len(t, made, 1)
		for name, mode := range map[string]os.FileMode{"": os.ModeDir | 0o700, "hosts.yml": 0o600, "config.yml": 0o600} {
			info, err := os.Lstat(filepath.Join(parent, made[0].Name(), name))
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode(), name)
		}
		require.NoError(t, cmd.Process.Signal(signal))
		var ended *exec.ExitError
		require.ErrorAs(t, cmd.Wait(), &ended)
		require.Equal(t, want.code, ended.ExitCode(), signal)
		if want.code < 0 {
			require.Equal(t, signal, ended.Sys().(syscall.WaitStatus).Signal(), "as the program")
		}
		require.Empty(t, entries(t, parent), signal)
	}
}

func TestWhatAKilledShimLeftGoesWithTheNextGh(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("gh outlives the shim there")
	}
	s, parent := newServerShim(t)
	running, _ := s.begin(t, nil)
	killed, gh := s.begin(t, nil)
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())
	workspacetest.Eventually(t, func() bool { return syscall.Kill(gh, 0) != nil }, "gh ends with the shim")

	require.Zero(t, s.gh(t, nil, "pr", "list").Code)
	require.Len(t, entries(t, parent), 2, "what is new may be somebody's who begins")
	pipe := filepath.Join(parent, "provisionkit-gh-pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600)) // which nobody writes to
	for _, entry := range entries(t, parent) {
		old := time.Now().Add(-2 * time.Minute)
		require.NoError(t, os.Chtimes(filepath.Join(parent, entry.Name()), old, old))
	}
	require.Zero(t, s.gh(t, nil, "pr", "list").Code)
	require.NoError(t, os.Remove(pipe))
	require.Len(t, entries(t, parent), 1, "one is in use")
	require.NoError(t, running.Process.Signal(syscall.SIGTERM))
	require.Error(t, running.Wait())
	require.Empty(t, entries(t, parent))
}

func TestASignalThatIsIgnoredIsIgnoredByGhToo(t *testing.T) {
	t.Parallel()
	nohup := testutil.NeedTool(t, "nohup")
	s, parent := newServerShim(t)
	env := maps.Clone(s.env)
	env["PROGRAM_WAIT"] = "1"
	cmd := process(t.Context(), t, env, "")
	cmd.Path, cmd.Args = nohup, []string{"nohup", s.link, "pr", "list"}
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(stdout)
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	said, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "terminated\n", said)
	require.Equal(t, 7, exitCode(cmd.Wait()))
	require.Empty(t, entries(t, parent))
}

// exitCode returns the exit code that err tells.
func exitCode(err error) int {
	if ended, ok := err.(*exec.ExitError); ok {
		return ended.ExitCode()
	}
	return 0
}

func TestTheFolderIsMadeWhereItCanBe(t *testing.T) {
	t.Parallel()
	s, parent := newServerShim(t)
	temp := t.TempDir()
	want := temp
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		want = "/dev/shm"
	}
	for runtimeDir, want := range map[string]string{parent: parent, "": want, "/nowhere": want, "relative": want} {
		r := s.gh(t, map[string]string{"XDG_RUNTIME_DIR": runtimeDir, "TMPDIR": temp}, "pr", "list")
		require.Equal(t, want, filepath.Dir(r.Given(t).Values("GH_CONFIG_DIR")[0]), runtimeDir)
		require.Equal(t, logins{"github.com": firstToken, "ghes.example": firstToken}, r.Given(t).Logins(t))
	}
}

// TestWhereNothingCanBeWrittenGhWorksForGitHub runs in a mount namespace in
// which all is read-only. Containers without the right to make one have nothing
// like it; there it shows nothing.
func TestWhereNothingCanBeWrittenGhWorksForGitHub(t *testing.T) {
	t.Parallel()
	s, parent := newServerShim(t)
	unshare := testutil.NeedTool(t, "unshare")
	readOnly := func(change map[string]string) result {
		env := maps.Clone(s.env)
		maps.Copy(env, change)
		cmd := process(t.Context(), t, env, "")
		script := `for d in /dev/shm /tmp "$XDG_RUNTIME_DIR"; do
				mount --bind "$d" "$d" && mount -o remount,ro,bind "$d" || exit 99
			done; exec "$0" pr list`
		cmd.Path, cmd.Args = unshare, []string{"unshare", "--map-root-user", "--mount", "sh", "-c", script, s.link}
		cmd.Env = append(cmd.Env, "PATH="+s.env["PATH"]+":"+os.Getenv("PATH"))
		return run(t, env, cmd)
	}
	r := readOnly(map[string]string{"GH_HOST": "github.com"})
	if r.Code == 99 || strings.Contains(r.Stderr, "unshare") {
		t.Logf("this system lets nobody make a mount namespace: %s", r.Stderr)
		return
	}
	require.Empty(t, r.Stderr)
	require.Equal(t, logins{"github.com": firstToken}, r.Given(t).Logins(t))

	r = readOnly(nil)
	require.Equal(t, 1, strings.Count(r.Stderr, "\n"), r.Stderr)
	require.Contains(t, r.Stderr, "gh runs without a token: there is no folder for gh's configuration: "+
		"make one of XDG_RUNTIME_DIR, /dev/shm, TMPDIR and /tmp writable")
	require.Empty(t, r.Given(t).Logins(t))
	require.Empty(t, entries(t, parent))

	r = readOnly(map[string]string{"HOME": "", "XDG_CONFIG_HOME": "", "GH_CONFIG_DIR": ""})
	require.Equal(t, []string{"/nonexistent/gh"}, r.Given(t).Values("GH_CONFIG_DIR"), "and not the current folder")
}
