package workspace_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// machine is all that a process of a workspace could write to: a home, places
// for what is temporary, and a repository as the current folder.
type machine struct {
	root string
	env  map[string]string
	// jail has a process see nothing but root; nil: it sees this whole machine.
	jail func(cmd *exec.Cmd, root string)
}

// newMachine returns a machine around env, with a git and a gh.
func newMachine(t *testing.T, env map[string]string) machine {
	t.Helper()
	m := machine{root: t.TempDir(), env: env}
	for name, folder := range map[string]string{
		"HOME": "home", "TMPDIR": "tmp", "XDG_RUNTIME_DIR": "run", "XDG_CONFIG_HOME": "home/.config",
		"XDG_CACHE_HOME": "home/.cache", "XDG_STATE_HOME": "home/.local/state", "PATH": "bin", "work": "work/.git",
	} {
		path := filepath.Join(m.root, folder)
		require.NoError(t, os.MkdirAll(path, 0o700))
		if name != "work" {
			env[name] = path
		}
	}
	program(t, env["PATH"], "gh")
	program(t, env["PATH"], "tool")
	return m
}

// run runs the built command in the repository.
func (m machine) run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	cmd := process(t.Context(), t, m.env, stdin, args...)
	cmd.Dir = filepath.Join(m.root, "work")
	if m.jail != nil {
		cmd.Path, cmd.Dir = "/bin/git-credential-provisionkit", "/work"
		m.jail(cmd, m.root)
	}
	return run(t, m.env, cmd)
}

// snapshot returns all that there is on the machine: names, rights, sizes, and
// when it was changed.
func (m machine) snapshot(t *testing.T) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(m.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			found = append(found, fmt.Sprint(path, info.Mode(), info.Size(), info.ModTime().UnixNano()))
		}
		return err
	}))
	return found
}

// everything runs all that a workspace does in its life, with a token that the
// forge refuses.
func (m machine) everything(t *testing.T) {
	t.Helper()
	refused := m.run(t, request, "get").Answered(t)
	require.Equal(t, result{}, m.run(t, workspacetest.Refused(refused), "erase"))
	token := m.run(t, request, "get").Answered(t)
	require.NotEqual(t, refused, token, "the next operation has another one")
	require.Equal(t, result{}, m.run(t, workspacetest.Refused(token), "store"))
	require.Equal(t, token+"\n", m.run(t, "", "token").Stdout)
	require.Equal(t, token+"\n", m.run(t, "", "askpass", "Password for 'https://x-access-token@github.com': ").Stdout)
	for _, args := range [][]string{{"exec", "--", "tool"}, {"gh", "pr", "list"}} {
		r := m.run(t, "", args...)
		require.Zero(t, r.Code, r.Stderr)
		require.Equal(t, []string{token}, r.Given(t).Values("GH_TOKEN"))
	}
	require.NotContains(t, m.run(t, "", "doctor").Stdout, "defect")
}

func TestNothingIsWrittenAnywhere(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newPlatform(t, workspacetest.Hourly()).Env(t, "ws-1"))
	before, left := m.snapshot(t), temporary(t)
	m.everything(t)
	require.Equal(t, before, m.snapshot(t))
	require.Subset(t, left, temporary(t))
}

// TestNothingIsWrittenOnAMachineOfItsOwn looks at all that a process can see,
// and not at the places alone that somebody thought of. Only root can give a
// process a file system of its own; for others the test above has to do.
func TestNothingIsWrittenOnAMachineOfItsOwn(t *testing.T) {
	t.Parallel()
	if jail == nil || os.Geteuid() != 0 {
		return
	}
	m := newMachine(t, newPlatform(t, workspacetest.Hourly()).Env(t, "ws-1"))
	m.jail = jail
	command, err := os.ReadFile(testutil.Command(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(m.env["PATH"], "git-credential-provisionkit"), command, 0o755))
	for _, folder := range []string{"tmp", "dev/shm", "var/tmp", "etc"} {
		require.NoError(t, os.MkdirAll(filepath.Join(m.root, folder), 0o777))
	}
	for name, value := range m.env {
		m.env[name] = strings.TrimPrefix(value, m.root)
	}
	before := m.snapshot(t)
	m.everything(t)
	require.Equal(t, before, m.snapshot(t))
}

// temporary returns what is of ours among this system's temporary files.
func temporary(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "provisionkit-[0-9]*"))
	require.NoError(t, err)
	return found
}

func TestWhereNothingCanBeWrittenEverythingWorks(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, m machine){
		"no folders at all": func(_ *testing.T, m machine) {
			for name := range m.env {
				if strings.HasPrefix(name, "XDG_") || name == "TMPDIR" {
					delete(m.env, name)
				}
			}
		},
		"folders that aren't there": func(_ *testing.T, m machine) {
			for _, name := range []string{"HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"} {
				m.env[name] = "/nowhere"
			}
		},
		"a disk that is full, or read-only": func(t *testing.T, m machine) {
			if runtime.GOOS != "linux" {
				t.Skip("/proc takes no file from anybody there")
			}
			for _, name := range []string{"HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"} {
				m.env[name] = "/proc"
			}
		},
		"folders of another user's": func(t *testing.T, m machine) {
			for _, name := range []string{"HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"} {
				if os.Geteuid() == 0 {
					require.NoError(t, os.Chown(m.env[name], 65534, 65534))
				}
				require.NoError(t, os.Chmod(m.env[name], 0o500))
				t.Cleanup(func() { _ = os.Chmod(m.env[name], 0o700) })
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, newPlatform(t, workspacetest.Hourly()).Env(t, "ws-1"))
			change(t, m)
			m.everything(t)
		})
	}
}

// TestAFilterOfVariablesByNameTakesNoneOfOurs is about agents that pass on no
// variable whose name has the look of a secret.
func TestAFilterOfVariablesByNameTakesNoneOfOurs(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1", map[string]string{
		"GH_TOKEN": "ghs_dead", "GITHUB_TOKEN": "ghs_dead", "AWS_SECRET_ACCESS_KEY": "x",
	})
	secret := regexp.MustCompile("KEY|TOKEN|SECRET")
	for name := range env {
		if secret.MatchString(name) {
			delete(env, name)
		}
	}
	for _, prepare := range []func(){func() {}, func() { workspacetest.WithFile(t, env, 0o600) }} {
		prepare()
		require.Equal(t, firstToken, start(t, env, request, "get").Answered(t))
	}
}
