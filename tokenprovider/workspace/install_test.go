package workspace_test

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// home is a person's account: a folder for programs that is on the PATH, and a git with its own configuration.
type home struct {
	*testutil.Git
	bin     string
	command string // the command, as it is installed there
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{Git: testutil.NewGit(t), bin: filepath.Join(t.TempDir(), "it's a bin")}
	require.NoError(t, os.Mkdir(h.bin, 0o700))
	h.command = filepath.Join(h.bin, filepath.Base(binary(t)))
	require.NoError(t, os.Link(binary(t), h.command))
	h.Env["PATH"] = h.bin + string(os.PathListSeparator) + h.Env["PATH"]
	return h
}

func (h *home) install(t *testing.T, args ...string) result {
	t.Helper()
	cmd := process(t.Context(), t, h.Env, "", append([]string{"install"}, args...)...)
	cmd.Path, cmd.Args[0] = h.command, h.command
	return run(t, h.Env, cmd)
}

// state is every file in the folders, with its content or where it leads to.
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
	f := newForge(t, time.Hour, nil)
	h := newHome(t)
	for name := range f.Env { // of the mutator nothing stays
		if strings.HasPrefix(name, "GIT_CONFIG_") {
			continue
		}
		h.Env[name] = f.Env[name]
	}
	h.Env["HOME"], h.Env["GIT_CONFIG_GLOBAL"] = h.Home, filepath.Join(h.Home, ".gitconfig")
	h.Env["PATH"] = h.bin + string(os.PathListSeparator) + f.Env["PATH"]
	_, _, err := h.Try(t, f.dir, "ls-remote", f.url)
	require.Error(t, err)

	h.Run(t, f.dir, "config", "--global", "credential.helper", "store")
	h.Run(t, f.dir, "config", "--global", "user.name", "Somebody")
	r := h.install(t)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, "git asks this program for "+f.host+" now (git config --global)")
	require.Contains(t, r.stdout, filepath.Join(h.bin, "gh"))
	require.Contains(t, r.stdout, "git-askpass-provisionkit")
	require.Contains(t, r.stdout, "git-credential-provisionkit doctor")
	h.Run(t, f.dir, "clone", "--quiet", f.url, "clone")
	require.Equal(t, "Somebody", h.Run(t, f.dir, "config", "user.name"))
	require.NoFileExists(t, filepath.Join(h.Home, ".git-credentials"))

	h.Env["PROVISIONKIT_GH"] = program(t, t.TempDir(), "gh")
	cmd := process(t.Context(), t, h.Env, "", "auth", "token")
	cmd.Path, cmd.Args[0] = filepath.Join(h.bin, "gh"+filepath.Ext(h.command)), "gh"
	token, _, err := f.tokens.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{token}, run(t, h.Env, cmd).given(t).values("GH_ENTERPRISE_TOKEN"))
}

func TestASecondInstallChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.Env["PROVISIONKIT_HOSTS"] = "github.com,[::1]:8443,git.example"
	require.Zero(t, h.install(t).code)
	before := state(t, h.bin, h.Home)
	r := h.install(t)
	require.Zero(t, r.code, r.stderr)
	require.Equal(t, 2, strings.Count(r.stdout, "already"), r.stdout)
	require.Equal(t, before, state(t, h.bin, h.Home))

	helper := "!'" + strings.ReplaceAll(h.command, "'", `'\''`) + "'"
	for _, url := range []string{"https://github.com/acme/x", "https://[::1]:8443/x", "https://git.example/x"} {
		require.Equal(t, helper, h.Run(t, h.Home, "config", "--get-urlmatch", "credential.helper", url))
	}
	require.NotContains(t, before[filepath.Join(h.Home, ".gitconfig")], "staged")
	entries, err := os.ReadDir(h.bin)
	require.NoError(t, err)
	require.Len(t, entries, 3, "the command and two links")
}

func TestInstallComesAgainAfterAHelperThatWasAddedBehindIt(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	require.Zero(t, h.install(t).code)
	h.Run(t, h.Home, "config", "--global", "--add", "credential.helper", "store")
	require.Contains(t, h.install(t).stdout, "now (git config --global)")
	values := strings.Split(h.Run(t, h.Home, "config", "--global", "--get-regexp", `^credential\.`), "\n")
	require.Len(t, values, 5)
	require.Contains(t, values[4], "provisionkit")
	require.Contains(t, h.install(t).stdout, "already (git config --global)")
}

func TestInstallWritesTheConfigurationOfEverybodyWhenToldTo(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	system := filepath.Join(t.TempDir(), "gitconfig")
	h.Env["GIT_CONFIG_SYSTEM"] = system
	r := h.install(t, "--system")
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, "(git config --system)")
	content, err := os.ReadFile(system)
	require.NoError(t, err)
	require.Contains(t, string(content), `[credential "https://github.com"]`)
	require.NoFileExists(t, filepath.Join(h.Home, ".gitconfig"))
}

// TestInstallIsNotMisledByTheGitThatStartedIt is about what hooks and helpers find in their environment.
func TestInstallIsNotMisledByTheGitThatStartedIt(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	maps.Copy(h.Env, map[string]string{
		"GIT_DIR": filepath.Join(h.Home, "nowhere"), "GIT_CONFIG": filepath.Join(h.Home, "other"), "GIT_EXEC_PATH": "/nowhere",
		"GIT_CONFIG_COUNT": "nonsense", "GIT_CONFIG_PARAMETERS": "nonsense",
	})
	require.Zero(t, h.install(t).code)
	require.FileExists(t, filepath.Join(h.Home, ".gitconfig"))
	require.NoFileExists(t, filepath.Join(h.Home, "other"))
}

func TestALinkToAnOlderOrVanishedCommandIsReplaced(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are copies instead of links")
	}
	h := newHome(t)
	content, err := os.ReadFile(h.command)
	require.NoError(t, err)
	gh, askpass := filepath.Join(h.bin, "gh"), filepath.Join(h.bin, "git-askpass-provisionkit")
	require.NoError(t, os.WriteFile(gh, content, 0o700))
	require.NoError(t, os.Symlink("/nowhere/git-credential-provisionkit", askpass))
	require.Zero(t, h.install(t).code)
	for _, path := range []string{gh, askpass} {
		target, err := os.Readlink(path)
		require.NoError(t, err)
		require.Equal(t, "git-credential-provisionkit", target, "within one folder it can be copied")
	}
	elsewhere := t.TempDir()
	require.Zero(t, h.install(t, "--dir="+elsewhere).code)
	target, err := os.Readlink(filepath.Join(elsewhere, "gh"))
	require.NoError(t, err)
	require.Equal(t, h.command, target)
}

func TestAnInstallThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	foreign, folder := t.TempDir(), t.TempDir()
	program(t, foreign, "gh")
	require.NoError(t, os.Mkdir(filepath.Join(folder, "git-askpass-provisionkit"+filepath.Ext(h.command)), 0o700))
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
		"a gh of somebody else's":  {nil, []string{"--dir", foreign}, filepath.Join(foreign, "gh") + " is there and isn't this program"},
		"a folder of that name":    {nil, []string{"--dir", folder}, "is there and isn't this program"},
		"no such folder":           {nil, []string{"--dir", filepath.Join(lost, "nowhere")}, "there is no folder"},
		"a file for a folder":      {nil, []string{"--dir", filepath.Join(lost, "file")}, "there is no folder"},
		"a folder not to write to": {nil, []string{"--dir", "/proc"}, "--dir"},
		"an empty folder name":     {nil, []string{"--dir="}, "--dir needs a folder"},
		"no folder name":           {nil, []string{"--dir"}, "--help"},
		"an unknown flag":          {nil, []string{"--local"}, "--help"},
		"a word":                   {nil, []string{"here"}, "--help"},
		"a configuration in use":   {map[string]string{"GIT_CONFIG_GLOBAL": filepath.Join(locked, "config")}, nil, "git's configuration can't be written: error: could not lock"},
		"one that git can't read":  {map[string]string{"GIT_CONFIG_GLOBAL": broken}, nil, "git's configuration can't be read: fatal: bad config line 1"},
		"one that can't be there":  {map[string]string{"GIT_CONFIG_SYSTEM": "/proc/nowhere/config"}, []string{"--system"}, "git's configuration can't be written"},
		"a host that isn't one":    {map[string]string{"PROVISIONKIT_HOSTS": "https://github.com"}, nil, "PROVISIONKIT_HOSTS"},
		"no git":                   {map[string]string{"PATH": h.bin}, nil, "there is no git on the PATH"},
	} {
		if runtime.GOOS != "linux" && strings.Contains(name, "not to write to") {
			continue
		}
		before := state(t, h.bin, h.Home, foreign, folder, locked)
		env := maps.Clone(h.Env)
		maps.Copy(h.Env, c.env)
		require.Contains(t, h.install(t, c.args...).failed(t), c.says, name)
		h.Env = env
		require.Equal(t, before, state(t, h.bin, h.Home, foreign, folder, locked), name)
	}
}

func TestInstallSaysSoWhenAnotherGhStandsBeforeItsLink(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	first := t.TempDir()
	path := program(t, first, "gh")
	h.Env["PATH"] = first + string(os.PathListSeparator) + h.Env["PATH"]
	r := h.install(t)
	require.Zero(t, r.code)
	require.Contains(t, r.stdout, "but the PATH has "+path+" first: put "+h.bin)
}

func TestAnInstallThatWasKilledLeavesNothingInTheWayOfTheNext(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.Run(t, h.Home, "config", "--global", "--add", "provisionkit-staged.0.helper", "x")
	require.Zero(t, h.install(t).code)
	require.NotContains(t, h.Run(t, h.Home, "config", "--global", "--list"), "staged")
	require.NotContains(t, h.Run(t, h.Home, "config", "--global", "--list"), "helper=x")
}
