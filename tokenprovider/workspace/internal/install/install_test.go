package install_test

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// account is a person's home on a machine: a folder for programs, on the PATH,
// and a git with its own configuration.
type account struct {
	*testutil.Git
	bin     string
	command string // the command, as it is installed there
}

func newAccount(t *testing.T) *account {
	t.Helper()
	a := &account{Git: testutil.NewGit(t), bin: filepath.Join(t.TempDir(), "it's a bin")}
	require.NoError(t, os.Mkdir(a.bin, 0o700))
	a.command = filepath.Join(a.bin, filepath.Base(testutil.Command(t)))
	workspacetest.Link(t, testutil.Command(t), a.command)
	a.Env["PATH"] = a.bin + string(os.PathListSeparator) + a.Env["PATH"]
	return a
}

func (a *account) install(t *testing.T, args ...string) result {
	t.Helper()
	cmd := process(t.Context(), t, a.Env, "", append([]string{"install"}, args...)...)
	cmd.Path, cmd.Args[0] = a.command, a.command
	return run(t, a.Env, cmd)
}

// state returns every file in the folders, with its content or where it leads
// to.
func state(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range dirs {
		require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				found[path] = "folder"
				return err
			}
			if target, err := os.Readlink(path); err == nil {
				found[path] = target
				return nil
			}
			content, err := os.ReadFile(path)
			found[path] = string(content)
			return err
		}))
	}
	return found
}

func TestInstallMakesGitAndGhWorkWhereNoEnvironmentSaysSo(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	a := newAccount(t)
	for name := range f.Env { // of the mutator nothing stays
		if strings.HasPrefix(name, "GIT_CONFIG_") {
			continue
		}
		a.Env[name] = f.Env[name]
	}
	a.Env["HOME"], a.Env["GIT_CONFIG_GLOBAL"] = a.Home, filepath.Join(a.Home, ".gitconfig")
	a.Env["PATH"] = a.bin + string(os.PathListSeparator) + f.Env["PATH"]
	_, _, err := a.Try(t, f.Dir, "ls-remote", f.URL)
	require.Error(t, err)

	a.Run(t, f.Dir, "config", "--global", "credential.helper", "store")
	a.Run(t, f.Dir, "config", "--global", "user.name", "Somebody")
	r := a.install(t)
	require.Zero(t, r.Code, r.Stderr)
	require.Contains(t, r.Stdout, "git asks this program for "+f.Host+" now (git config --global)")
	require.Contains(t, r.Stdout, filepath.Join(a.bin, "gh"))
	require.Contains(t, r.Stdout, "git-askpass-provisionkit")
	require.Contains(t, r.Stdout, "git-credential-provisionkit doctor")
	a.Run(t, f.Dir, "clone", "--quiet", f.URL, "clone")
	require.Equal(t, "Somebody", a.Run(t, f.Dir, "config", "user.name"))
	require.NoFileExists(t, filepath.Join(a.Home, ".git-credentials"))

	a.Env["PROVISIONKIT_GH"] = program(t, t.TempDir(), "gh")
	cmd := process(t.Context(), t, a.Env, "", "auth", "token")
	cmd.Path, cmd.Args[0] = filepath.Join(a.bin, "gh"+filepath.Ext(a.command)), "gh"
	token, _, err := f.Tokens.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, logins{f.Host: token}, run(t, a.Env, cmd).Given(t).Logins(t))
}

func TestASecondInstallChangesNothing(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.Env["PROVISIONKIT_HOSTS"] = "github.com,[::1]:8443,git.example"
	require.Zero(t, a.install(t).Code)
	before := state(t, a.bin, a.Home)
	r := a.install(t)
	require.Zero(t, r.Code, r.Stderr)
	require.Equal(t, 2, strings.Count(r.Stdout, "already"), r.Stdout)
	require.Equal(t, before, state(t, a.bin, a.Home))

	helper := "!'" + strings.ReplaceAll(a.command, "'", `'\''`) + "'"
	for _, url := range []string{"https://github.com/acme/x", "https://[::1]:8443/x", "https://git.example/x"} {
		require.Equal(t, helper,
			a.Run(t, a.Home, "config", "--get-urlmatch", "credential.helper", url))
	}
	require.NotContains(t, before[filepath.Join(a.Home, ".gitconfig")], "staged")
	entries, err := os.ReadDir(a.bin)
	require.NoError(t, err)
	require.Len(t, entries, 3, "the command and two links")
}

func TestInstallComesAgainAfterAHelperThatWasAddedBehindIt(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	require.Zero(t, a.install(t).Code)
	a.Run(t, a.Home, "config", "--global", "--add", "credential.helper", "store")
	require.Contains(t, a.install(t).Stdout, "now (git config --global)")
	values := strings.Split(a.Run(t, a.Home, "config", "--global", "--get-regexp", `^credential\.`),
		"\n")
	require.Len(t, values, 5)
	require.Contains(t, values[4], "provisionkit")
	require.Contains(t, a.install(t).Stdout, "already (git config --global)")
}

func TestInstallWritesTheConfigurationOfEverybodyWhenToldTo(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	system := filepath.Join(t.TempDir(), "gitconfig")
	a.Env["GIT_CONFIG_SYSTEM"] = system
	r := a.install(t, "--system")
	require.Zero(t, r.Code, r.Stderr)
	require.Contains(t, r.Stdout, "(git config --system)")
	content, err := os.ReadFile(system)
	require.NoError(t, err)
	require.Contains(t, string(content), `[credential "https://github.com"]`)
	require.NoFileExists(t, filepath.Join(a.Home, ".gitconfig"))
}

// TestInstallIsNotMisledByTheGitThatStartedIt is about what hooks and helpers
// find in their environment.
func TestInstallIsNotMisledByTheGitThatStartedIt(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	maps.Copy(a.Env, map[string]string{
		"GIT_DIR": filepath.Join(a.Home, "nowhere"), "GIT_CONFIG": filepath.Join(a.Home, "other"),
		"GIT_EXEC_PATH":    "/nowhere",
		"GIT_CONFIG_COUNT": "nonsense", "GIT_CONFIG_PARAMETERS": "nonsense",
	})
	require.Zero(t, a.install(t).Code)
	require.FileExists(t, filepath.Join(a.Home, ".gitconfig"))
	require.NoFileExists(t, filepath.Join(a.Home, "other"))
}

func TestALinkToAnOlderOrVanishedCommandIsReplaced(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are copies instead of links")
	}
	a := newAccount(t)
	content, err := os.ReadFile(a.command)
	require.NoError(t, err)
	gh, askpass := filepath.Join(a.bin, "gh"), filepath.Join(a.bin, "git-askpass-provisionkit")
	require.NoError(t, os.WriteFile(gh, content, 0o700))
	require.NoError(t, os.Symlink("/nowhere/git-credential-provisionkit", askpass))
	require.Zero(t, a.install(t).Code)
	for _, path := range []string{gh, askpass} {
		target, err := os.Readlink(path)
		require.NoError(t, err)
		require.Equal(t, "git-credential-provisionkit", target,
			"within one folder it can be copied")
	}
	elsewhere := t.TempDir()
	require.Zero(t, a.install(t, "--dir="+elsewhere).Code)
	target, err := os.Readlink(filepath.Join(elsewhere, "gh"))
	require.NoError(t, err)
	require.Equal(t, a.command, target)
}

func TestAnInstallThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	foreign, folder := t.TempDir(), t.TempDir()
	program(t, foreign, "gh")
	require.NoError(t,
		os.Mkdir(filepath.Join(folder, "git-askpass-provisionkit"+filepath.Ext(a.command)), 0o700))
	lost := t.TempDir()
	locked := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(locked, "config.lock"), nil, 0o600))
	broken := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(broken, []byte("[not a section\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(lost, "file"), nil, 0o600))

	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"a gh of somebody else's": {
			nil, []string{"--dir", foreign},
			filepath.Join(foreign, "gh") + " is there and isn't this program",
		},
		"a folder of that name": {
			nil, []string{"--dir", folder}, "is there and isn't this program",
		},
		"no such folder": {
			nil, []string{"--dir", filepath.Join(lost, "nowhere")}, "there is no folder",
		},
		"a file for a folder": {
			nil, []string{"--dir", filepath.Join(lost, "file")}, "there is no folder",
		},
		"a folder not to write to": {nil, []string{"--dir", "/proc"}, "--dir"},
		"an empty folder name":     {nil, []string{"--dir="}, "--dir needs a folder"},
		"no folder name":           {nil, []string{"--dir"}, "--help"},
		"an unknown flag":          {nil, []string{"--local"}, "--help"},
		"a word":                   {nil, []string{"here"}, "--help"},
		"a configuration in use": {
			map[string]string{"GIT_CONFIG_GLOBAL": filepath.Join(locked, "config")}, nil,
			"git's configuration can't be written: error: could not lock",
		},
		"one that git can't read": {
			map[string]string{"GIT_CONFIG_GLOBAL": broken}, nil,
			"git's configuration can't be read: fatal: bad config line 1",
		},
		"one that can't be there": {
			map[string]string{"GIT_CONFIG_SYSTEM": "/proc/nowhere/config"}, []string{"--system"},
			"git's configuration can't be written",
		},
		"a host that isn't one": {
			map[string]string{"PROVISIONKIT_HOSTS": "https://github.com"}, nil,
			"PROVISIONKIT_HOSTS",
		},
		"no git": {
			map[string]string{"PATH": a.bin}, nil, "there is no git on the PATH",
		},
	} {
		if runtime.GOOS != "linux" && strings.Contains(name, "not to write to") {
			continue
		}
		before := state(t, a.bin, a.Home, foreign, folder, locked)
		env := maps.Clone(a.Env)
		maps.Copy(a.Env, c.env)
		require.Contains(t, a.install(t, c.args...).Failed(t), c.says, name)
		a.Env = env
		require.Equal(t, before, state(t, a.bin, a.Home, foreign, folder, locked), name)
	}
}

func TestInstallSaysSoWhenAnotherGhStandsBeforeItsLink(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	first := t.TempDir()
	path := program(t, first, "gh")
	a.Env["PATH"] = first + string(os.PathListSeparator) + a.Env["PATH"]
	r := a.install(t)
	require.Zero(t, r.Code)
	require.Contains(t, r.Stdout, "but the PATH has "+path+" first: put "+a.bin)
}

func TestAnInstallThatWasKilledLeavesNothingInTheWayOfTheNext(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.Run(t, a.Home, "config", "--global", "--add", "provisionkit-staged.0.helper", "x")
	require.Zero(t, a.install(t).Code)
	require.NotContains(t, a.Run(t, a.Home, "config", "--global", "--list"), "staged")
	require.NotContains(t, a.Run(t, a.Home, "config", "--global", "--list"), "helper=x")
}
