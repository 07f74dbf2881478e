package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

// drop takes the variables away whose name begins so.
func drop(prefix string) func(*testing.T, *patient) {
	return func(_ *testing.T, p *patient) {
		for name := range p.Env {
			if strings.HasPrefix(name, prefix) {
				delete(p.Env, name)
			}
		}
	}
}

// byFile wires git by a file that the variable names and no other.
func byFile(variable string, more ...func(*testing.T, *patient)) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) {
		p.unwire()
		delete(p.Env, "GIT_CONFIG_NOSYSTEM")
		p.Env["GIT_CONFIG_SYSTEM"] = os.DevNull
		p.Env[variable] = filepath.Join(t.TempDir(), "wiring")
		content := "[credential \"https://github.com\"]\n\thelper =\n\thelper = !'" +
			filepath.Join(p.bin, "git-credential-provisionkit") + "'\n"
		require.NoError(t, os.WriteFile(p.Env[variable], []byte(content), 0o600))
		for _, do := range more {
			do(t, p)
		}
	}
}

// cached puts git's own cache before the helper, in a git of that version.
func cached(version string) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) {
		p.unwire()
		mutator, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{
			Command: filepath.Join(p.bin, "git-credential-provisionkit"), CacheFor: 10 * time.Minute,
		})
		require.NoError(t, err)
		require.NoError(t, mutator.MutateEnv(t.Context(), "ws-1", p.Env))
		gitVersion(version)(t, p)
	}
}

var wiringBreakages = []breakage{
	{
		name: "a count that is no number", do: set("GIT_CONFIG_COUNT", "abc"), check: "git-variables",
		says: "the value of GIT_CONFIG_COUNT isn't a number",
	},
	{
		name: "a count of more than there is", do: set("GIT_CONFIG_COUNT", "7"),
		check: "git-variables", says: "GIT_CONFIG_COUNT is 7, but GIT_CONFIG_KEY_2",
	},
	{
		name: "an empty value that got lost", do: drop("GIT_CONFIG_VALUE_0"), check: "git-variables",
		says: "GIT_CONFIG_VALUE_0 are no setting",
	},
	{
		name: "variables that were filtered by name", do: drop("GIT_CONFIG_KEY_"), check: "git-variables",
		says: "with KEY in it; have the platform wire git by a file (MutatorOptions.ConfigFile), or the " +
			"image by git-credential-provisionkit install",
	},
	{
		name: "settings that the count leaves out", check: "git-variables", status: "warning",
		do:   set("GIT_CONFIG_KEY_2", "safe.directory"),
		says: "GIT_CONFIG_KEY_2 is set, and GIT_CONFIG_COUNT leaves it out: the image had settings of its own",
	},

	{
		name: "git 2.30 wired by its environment", check: "git-helper",
		do:   gitVersion("2.30.2", "GIT_CONFIG_COUNT", "GIT_CONFIG_SYSTEM"),
		says: "git 2.30 takes no configuration from the environment (2.31 does): upgrade it, or run",
	},
	{
		name: "git 2.25 wired by a file", check: "git", status: "ok",
		do: byFile("GIT_CONFIG_GLOBAL", gitVersion("2.25.1", "GIT_CONFIG_COUNT", "GIT_CONFIG_SYSTEM"),
			set("GIT_CONFIG_COUNT", "1")),
		says: "git 2.25, which takes no configuration from the environment",
	},
	{
		name: "git 2.31 wired by the file of a variable", check: "git-helper",
		do:   byFile("GIT_CONFIG_SYSTEM", gitVersion("2.31.0", "GIT_CONFIG_SYSTEM")),
		says: "git 2.31 doesn't know GIT_CONFIG_SYSTEM (2.32 does)",
	},
	{
		name: "git wired by the file of a variable", check: "git-helper", status: "ok",
		do: byFile("GIT_CONFIG_SYSTEM"), says: "asks provisionkit's helper",
	},
	{
		name: "a file that git is to ignore", check: "git-helper",
		do:   byFile("GIT_CONFIG_SYSTEM", set("GIT_CONFIG_NOSYSTEM", "1")),
		says: "GIT_CONFIG_NOSYSTEM has it ignore the file",
	},
	{
		name: "a file that nobody wrote", check: "git-helper",
		do:   byFile("GIT_CONFIG_SYSTEM", set("GIT_CONFIG_SYSTEM", "/nowhere/gitconfig")),
		says: "there is no /nowhere/gitconfig, which GIT_CONFIG_SYSTEM names",
	},
	{
		name: "a cache before ours in a git that serves dead tokens from it", check: "git-helper",
		do: cached("2.39.5"), status: "warning", says: "git 2.39 may get a dead token out of its own cache",
	},
	{
		name: "a cache before ours", check: "git-helper", do: cached("2.40.0"), status: "ok",
		says: "asks provisionkit's helper",
	},
	{
		name: "a cache before ours that has another token", check: "git-credential", status: "ok",
		says: "git gets a token for github.com; that it is this command's can't be told",
		do: func(t *testing.T, p *patient) {
			cached("2.40.0")(t, p)
			approve := p.Command(t, p.Home, "credential", "approve")
			approve.Stdin = strings.NewReader(workspacetest.Refused("ghs_of_before"))
			require.NoError(t, approve.Run())
			t.Cleanup(func() { _ = p.Command(t, p.Home, "credential-cache", "exit").Run() })
		},
	},
	{
		name: "a cache before ours that nobody asked for", check: "git-helper",
		do:   instead(entry(helperKey, "cache --timeout=600"), entry(helperKey, "ours")),
		says: "git asks another helper for github.com first",
	},
}

func TestDoctorTellsWhatBecameOfTheWiringOfGit(t *testing.T) { diagnose(t, wiringBreakages) }
