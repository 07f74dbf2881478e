package doctor_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// withoutGH takes gh and what stands before it off the PATH.
func withoutGH(t *testing.T, p *patient) {
	require.NoError(t, os.Remove(filepath.Join(p.bin, "gh")))
	require.NoError(t, os.Remove(filepath.Join(p.gh, "gh")))
}

// injected sets a variable to an installation token, as platforms do.
func injected(name string) func(*testing.T, *patient) { return set(name, "ghs_stale") }

func without(name string) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) {
		withoutGH(t, p)
		injected(name)(t, p)
	}
}

const login = "github.com:\n    user: somebody\n    oauth_token: "

var ghBreakages = []breakage{
	{name: "no gh", do: withoutGH, check: "gh", status: "ok", says: "there is no gh on the PATH"},
	{
		name: "gh without the shim",
		do: func(t *testing.T, p *patient) {
			require.NoError(t, os.Remove(filepath.Join(p.bin, "gh")))
		},
		check: "gh",
		says:  "gets no fresh token: run git-credential-provisionkit install",
	},
	{
		name: "the real gh", check: "gh", status: "ok", says: "stands before gh 2.",
		do: func(t *testing.T, p *patient) {
			p.Env["PROVISIONKIT_GH"] = testutil.NeedTool(t, "gh")
		},
	},
	{
		name: "a shim without gh", do: set("PROVISIONKIT_GH", "/nowhere/gh"), check: "gh",
		says: "stands before gh, but: PROVISIONKIT_GH",
	},
	{
		name: "a gh that prints for ever", check: "gh", says: "doesn't tell its version",
		do: func(t *testing.T, p *patient) {
			workspacetest.Script(t, p.gh, "gh", "while :; do echo gh version 2.99.0 hunter2; done")
		},
	},
	{
		name:  "something else for gh",
		do:    func(t *testing.T, p *patient) { workspacetest.Script(t, p.gh, "gh", "echo hunter2") },
		check: "gh", says: "doesn't tell its version",
	},

	{
		name: "a login with a token that dies",
		do:   home(".config/gh/hosts.yml", login+"ghs_stale\n"), check: "gh-login",
		says: "is an installation token",
	},
	{
		name: "somebody's login", do: home(".config/gh/hosts.yml", login+"gho_hunter2\n"),
		check: "gh-login", status: "warning", says: "gh has a login for github.com in ",
	},
	{
		name: "a setting for a host",
		do:   home(".config/gh/hosts.yml", "github.com:\n    git_protocol: ssh\n"), check: "gh-login",
		status: "ok",
	},
	{
		name:  "a login elsewhere",
		do:    home(".config/gh/hosts.yml", "git.example:\n    oauth_token: gho_hunter2\n"),
		check: "gh-login", status: "ok",
	},

	{
		name: "an injected GH_TOKEN with the shim", do: injected("GH_TOKEN"), check: "environment",
		status: "warning", says: "in GH_TOKEN is a token that dies",
	},
	{
		name: "an injected GITHUB_TOKEN with the shim", do: injected("GITHUB_TOKEN"),
		check: "environment", status: "warning", says: "in GITHUB_TOKEN is a token that dies",
	},
	{
		name: "both", check: "environment", status: "warning",
		says: "in GH_TOKEN and GITHUB_TOKEN is a token that dies",
		do: func(t *testing.T, p *patient) {
			injected("GH_TOKEN")(t, p)
			injected("GITHUB_TOKEN")(t, p)
		},
	},
	{
		name: "an injected GH_TOKEN without it", do: without("GH_TOKEN"), check: "environment",
		says: "hides every fresh one: unset it",
	},
	{
		name: "an injected GITHUB_TOKEN without it", do: without("GITHUB_TOKEN"),
		check: "environment", says: "hides every fresh one: unset it",
	},
	{
		name: "somebody's own token", do: set("GH_TOKEN", "gho_hunter2"), check: "environment",
		status: "ok", says: "in GH_TOKEN is somebody's own token",
	},
	{
		name: "a token for other hosts", do: set("GH_ENTERPRISE_TOKEN", "gho_hunter2"),
		check: "environment", status: "warning", says: "GH_ENTERPRISE_TOKEN is set",
	},
	{
		name: "codespaces", check: "environment", status: "warning", says: "CODESPACES is set",
		do: func(t *testing.T, p *patient) { withoutGH(t, p); p.Env["CODESPACES"] = "true" },
	},
	{
		name: "codespaces with the shim", do: set("CODESPACES", "true"), check: "environment",
		status: "ok",
	},
}

func TestDoctorTellsWhatIsWrongWithGH(t *testing.T) { diagnose(t, ghBreakages) }

func TestDoctorTakesNothingInTheRepositoryAtHandForALogin(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	repository := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(repository, ".config", "gh"), 0o700))
	require.NoError(t,
		os.WriteFile(filepath.Join(repository, ".config", "gh", "hosts.yml"), []byte(login+"ghs_stale\n"), 0o600))
	delete(p.Env, "HOME")
	cmd := process(t.Context(), t, p.Env, "", "doctor", "--json")
	cmd.Dir = repository
	require.Equal(t, "none for these hosts", p.read(t, run(t, p.Env, cmd)).message("gh-login"))
}
