package doctor_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

// gitVersion makes git say that it is of that version, and not know the
// variables that came later.
func gitVersion(version string, unknown ...string) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) {
		workspacetest.Script(t, p.git, "git",
			`if [ "$1" = version ]; then echo "git version `+version+`"; exit; fi
unset `+strings.Join(append(unknown, "NONE"), " ")+`
exec '`+testutil.NeedTool(t, "git")+`' "$@"`)
	}
}

// config adds a setting behind those of the environment, which has the helper.
func config(key, value string) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) { p.config(t, key, value) }
}

func entry(key, value string) gitcredential.Entry {
	return gitcredential.Entry{Key: key, Value: value}
}

// instead wires git by these settings only, of which "ours" as a value is the
// helper.
func instead(entries ...gitcredential.Entry) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) {
		p.unwire()
		for _, e := range entries {
			if e.Value == "ours" {
				e.Value = "!'" + filepath.Join(p.bin, "git-credential-provisionkit") + "'"
			}
			p.config(t, e.Key, e.Value)
		}
	}
}

const (
	helperKey = "credential.https://github.com.helper"
	someKey   = "credential.https://github.com/acme.helper"
	hostile   = "!echo username=x; echo password=hunter2; :"
)

var gitBreakages = []breakage{
	{
		name: "no git",
		do: func(t *testing.T, p *patient) {
			require.NoError(t, os.Remove(filepath.Join(p.git, "git")))
		},
		check: "git",
		says:  "there is no git on the PATH",
	},
	{
		name: "something else for git",
		do: func(t *testing.T, p *patient) {
			workspacetest.Script(t, p.git, "git", "echo hunter2")
		},
		check: "git", says: "it isn't git",
	},
	{
		name: "git 2.31", do: gitVersion("2.31.0 (Apple Git-1)"), check: "git", status: "ok",
		says: "git 2.31, which doesn't know when a password expires",
	},
	{
		name: "git 2.40", do: gitVersion("2.40.0.windows.1"), check: "git", status: "ok",
		says: "git 2.40",
	},
	{
		name: "a relative folder on the PATH", do: func(_ *testing.T, p *patient) {
			p.Env["PATH"] = "." + string(filepath.ListSeparator) + p.Env["PATH"]
		},
		check: "git", status: "ok", says: "git 2.",
	},

	{
		name: "a malformed file", check: "git-config", says: "run git config --list",
		do: func(t *testing.T, p *patient) {
			require.NoError(t, os.WriteFile(p.Env["GIT_CONFIG_GLOBAL"], []byte("[hunter2"), 0o600))
		},
	},

	{
		name: "git that isn't wired", do: instead(), check: "git-helper",
		says: "git has no helper of provisionkit's for github.com: run git-credential-provisionkit install",
	},
	{
		name: "a second host that isn't wired",
		do:   set("PROVISIONKIT_HOSTS", "github.com,git.example"), check: "git-helper",
		says: "no helper of provisionkit's for git.example",
	},
	{
		name: "a reset after ours", do: config("credential.helper", ""), check: "git-helper",
		says: "wiped by an empty credential.helper in the environment (GIT_CONFIG_KEY_2)",
	},
	{
		name: "a reset by git -c", do: set("GIT_CONFIG_PARAMETERS", "'credential.helper='"),
		check: "git-helper",
		says:  "in git -c (GIT_CONFIG_PARAMETERS)",
	},
	{
		name: "another helper first", check: "git-helper",
		says: "git asks another helper for github.com first, by credential.https://github.com.helper",
		do:   instead(entry(helperKey, hostile), entry(helperKey, "ours")),
	},
	{
		name: "a helper of the repository's first", check: "git-helper",
		says: ".git/config: remove that",
		do: func(t *testing.T, p *patient) {
			folder := p.repository(t)
			p.Run(t, folder, "config", "credential.helper", hostile)
			instead(entry(helperKey, "ours"))(t, p)
		},
	},
	{
		name: "a helper of the repository's, wiped", check: "git-helper", status: "ok",
		says: "asks provisionkit's helper",
		do: func(t *testing.T, p *patient) {
			p.Run(t, p.repository(t), "config", "credential.helper", hostile)
		},
	},
	{
		name: "a helper that stores", do: config("credential.helper", "store"), check: "git-helper",
		says: "credential-store write each token for github.com to disk",
	},
	{
		name: "a helper after ours", do: config("credential.helper", hostile), check: "git-helper",
		status: "warning",
		says:   "asks another helper for github.com when there is no token, and before 2.46 tells it ours, by credential.helper",
	},
	{
		name: "a helper for another host",
		do:   config("credential.https://git.example.helper", "store"), check: "git-helper",
		status: "ok", says: "asks provisionkit's helper",
	},
	{
		name: "a helper for some repositories", do: config(someKey, "store"), check: "git-helper",
		says: "write each token for github.com/acme to disk, by " + someKey,
	},
	{
		name: "another helper first for some repositories", check: "git-helper",
		says: "git asks another helper for github.com/acme first, by " + someKey,
		do:   instead(entry(someKey, hostile), entry(helperKey, "ours")),
	},
	{
		name: "a reset for some repositories", do: config(someKey, ""), check: "git-helper",
		says: "git's helper for github.com/acme is wiped by an empty " + someKey,
	},
	{
		name: "a helper after ours for some repositories", do: config(someKey, hostile),
		check: "git-helper", status: "warning", says: "for github.com/acme when there is no token",
	},
	{
		name: "another helper for some that have ours behind it", check: "git-helper",
		says: "; git asks another helper for github.com/acme/widgets first, by " + someKey,
		do: instead(entry(helperKey, "ours"), entry(someKey, ""),
			entry(someKey, hostile), entry("credential.https://github.com/acme/widgets.helper", "ours")),
	},
	{
		name: "another helper for some, wiped", check: "git-helper", status: "ok",
		says: "asks provisionkit's helper",
		do:   instead(entry(someKey, hostile), entry(helperKey, ""), entry(helperKey, "ours")),
	},
	{
		name: "ours for every host", check: "git-helper", status: "ok",
		says: "asks provisionkit's helper",
		do:   instead(entry("credential.helper", "provisionkit")),
	},
	{
		name: "ours without a binary", check: "git-helper", status: "ok",
		says: "asks provisionkit's helper",
		do: func(t *testing.T, p *patient) {
			p.unwire()
			inline, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Inline: true})
			require.NoError(t, err)
			require.NoError(t, inline.MutateEnv(t.Context(), "ws-1", p.Env))
			for _, name := range []string{"curl", "head", "tr", "cat"} {
				require.NoError(t,
					os.Symlink(testutil.NeedTool(t, name), filepath.Join(p.bin, name)))
			}
		},
	},
	{
		name: "ours under another name", check: "git-helper", status: "ok",
		says: "asks provisionkit's helper",
		do: func(t *testing.T, p *patient) {
			path := filepath.Join(t.TempDir(), "another name")
			require.NoError(t, os.Symlink(testutil.Command(t), path))
			instead(entry("credential.https://*.com.helper", "!'"+path+"'"))(t, p)
		},
	},

	{
		name: "a helper that isn't where git looks", check: "git-credential",
		says: "isn't there or fails",
		do:   instead(entry(helperKey, "!'/nowhere/git-credential-provisionkit'")),
	},
	{
		name: "another helper that answers", check: "git-credential", besides: "git-helper",
		says: "git gets another token for github.com",
		do:   instead(entry(helperKey, "!'/nowhere/git-credential-provisionkit'"), entry(helperKey, hostile)),
	},
	{
		name: "a platform with another token each time", check: "git-credential", status: "ok",
		says: "git gets a token for github.com; that it is this command's can't be told",
		do:   func(t *testing.T, p *patient) { p.changing(t) },
	},

	{
		name: "an editor's askpass", do: set("GIT_ASKPASS", "/opt/editor/askpass.sh"),
		check: "askpass", status: "warning", says: "GIT_ASKPASS is a program of an editor",
	},
	{
		name: "an askpass in the configuration",
		do:   config("core.askPass", "/opt/editor/askpass.sh"), check: "askpass", status: "warning",
		says: "core.askPass in the environment",
	},
	{
		name: "an askpass of ssh's", do: set("SSH_ASKPASS", "/opt/desktop/askpass"),
		check: "askpass", status: "warning", says: "SSH_ASKPASS is a program of an editor",
	},
	{
		name: "an askpass of ssh's that another turns off", check: "askpass", status: "ok",
		do: func(_ *testing.T, p *patient) {
			p.Env["SSH_ASKPASS"], p.Env["GIT_ASKPASS"] = "/opt/desktop/askpass", ""
		},
	},
	{
		name: "an editor's askpass that is never asked", check: "askpass", status: "ok",
		says: "git doesn't get to",
		do: func(_ *testing.T, p *patient) {
			p.Env["GIT_ASKPASS"], p.Env["PROVISIONKIT_ON_FAILURE"] = "/opt/editor/askpass.sh", "quit"
		},
	},
	{
		name: "our askpass", check: "askpass", status: "ok", says: "is provisionkit's",
		do: func(t *testing.T, p *patient) { p.Env["GIT_ASKPASS"] = p.askpass(t) },
	},
	{
		name: "our askpass on the PATH", check: "askpass", status: "ok", says: "is provisionkit's",
		do: func(t *testing.T, p *patient) { p.Env["GIT_ASKPASS"] = filepath.Base(p.askpass(t)) },
	},
	{
		name: "our command without the link", check: "askpass",
		says: "under a name by which it answers no prompt: set it to the link git-askpass-provisionkit",
		do: func(_ *testing.T, p *patient) {
			p.Env["GIT_ASKPASS"] = filepath.Join(p.bin, "git-credential-provisionkit")
		},
	},
}

// changing makes the platform mint at each call.
func (p *patient) changing(t *testing.T) {
	maps.Copy(p.Env, newPlatform(t, p.tokens).Env(t, "ws-1"))
}

// askpass makes the link that install makes for GIT_ASKPASS, and returns its
// path.
func (p *patient) askpass(t *testing.T) string {
	path := filepath.Join(p.bin, "git-askpass-provisionkit")
	require.NoError(t, os.Symlink("git-credential-provisionkit", path))
	return path
}

func TestDoctorTellsWhatIsWrongWithGit(t *testing.T) { diagnose(t, gitBreakages) }
