package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// remote gives the repository at hand a setting.
func remote(key, value string) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) { p.Run(t, p.repository(t), "config", key, value) }
}

// home writes a file below the home of the workspace.
func home(name, content string) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) {
		path := filepath.Join(p.Home, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
}

var bypassBreakages = []breakage{
	{
		name:  "a token in a remote's URL",
		do:    remote("remote.origin.url", "https://x-access-token:hunter2@github.com/acme/widgets"),
		check: "remotes",
		says:  "remote.origin.url in ",
	},
	{
		name:  "a token for a user name",
		do:    remote("remote.origin.url", "https://ghs_"+strings.Repeat("x", 36)+"@github.com/acme/widgets"),
		check: "remotes",
		says:  "has a password or token in it",
	},
	{
		name:  "a token in a pushurl",
		do:    remote("remote.up.pushurl", "https://x:hunter2@git.example/acme/widgets"),
		check: "remotes", says: "remote.up.pushurl",
	},
	{
		name: "a token in the URL of a submodule", check: "remotes",
		says: ".gitmodules has a password or token in it",
		do: func(t *testing.T, p *patient) {
			content := "[submodule \"lib\"]\n\tpath = lib\n\turl = https://x:hunter2@github.com/acme/lib\n"
			require.NoError(t,
				os.WriteFile(filepath.Join(p.repository(t), ".gitmodules"), []byte(content), 0o600))
		},
	},
	{
		name: "a token in a submodule that was cloned", check: "remotes",
		says: filepath.Join("modules", "lib", "config"),
		do: func(t *testing.T, p *patient) {
			folder := filepath.Join(p.repository(t), ".git", "modules", "lib")
			require.NoError(t, os.MkdirAll(folder, 0o700))
			content := "[remote \"origin\"]\n\turl = https://x:hunter2@github.com/acme/lib\n"
			require.NoError(t,
				os.WriteFile(filepath.Join(folder, "config"), []byte(content), 0o600))
		},
	},
	{
		name: "a remote over ssh", do: remote("remote.origin.url", "git@github.com:acme/widgets"),
		check: "remotes", status: "warning", says: "goes over ssh",
	},
	{
		name: "a remote over http",
		do:   remote("remote.origin.url", "http://github.com/acme/widgets"), check: "remotes",
		status: "warning", says: "is http",
	},
	{
		name: "another remote over ssh that is rewritten", check: "remotes", status: "ok",
		says: "none holds a token",
		do: func(t *testing.T, p *patient) {
			remote("remote.up.url", "git@github.com:acme/widgets")(t, p)
			p.config(t, "url.https://github.com/.insteadOf", "git@github.com:")
		},
	},
	{
		name:  "another remote with a user name",
		do:    remote("remote.up.url", "https://somebody@github.com/acme/widgets"),
		check: "remotes", status: "ok",
	},
	{
		name: "a remote elsewhere over ssh",
		do:   remote("remote.origin.url", "git@git.example:acme/widgets"), check: "remotes",
		status: "ok",
	},

	{
		name:  "an Authorization for the host",
		do:    config("http.https://github.com/.extraHeader", "AUTHORIZATION: basic hunter2"),
		check: "headers",
		says:  "http.https://github.com/.extraheader in the environment (GIT_CONFIG_KEY_2) sends an Authorization to github.com",
	},
	{
		name: "an Authorization of the repository's for all hosts",
		do:   remote("http.extraHeader", "Authorization: Bearer hunter2"), check: "headers",
		says: ".git/config sends an Authorization to github.com",
	},
	{
		name:  "an Authorization for some repositories",
		do:    config("http.https://github.com/acme.extraHeader", "Authorization: hunter2"),
		check: "headers", says: "remove it",
	},
	{
		name:  "an Authorization for another host",
		do:    config("http.https://git.example/.extraHeader", "Authorization: hunter2"),
		check: "headers", status: "ok",
	},
	{
		name: "an Authorization that is wiped", check: "headers", status: "ok",
		do: func(t *testing.T, p *patient) {
			p.config(t, "http.extraHeader", "Authorization: hunter2")
			p.config(t, "http.extraHeader", "")
		},
	},
	{
		name: "another header", do: config("http.extraHeader", "X-Trace: on"), check: "headers",
		status: "ok",
	},

	{
		name:  "a rewrite with a token",
		do:    config("url.https://x:hunter2@github.com/.insteadOf", "https://github.com/"),
		check: "rewrites",
		says:  "has a password or token in its base",
	},
	{
		name: "a rewrite to ssh",
		do:   config("url.ssh://git@github.com/.insteadOf", "https://github.com/"), check: "rewrites",
		says: "turns URLs of github.com into ssh://github.com",
	},
	{
		name: "a rewrite of pushes to ssh",
		do:   config("url.git@github.com:.pushInsteadOf", "https://github.com/"), check: "rewrites",
		says: "a url.<base>.pushinsteadof",
	},
	{
		name:  "a rewrite of part of the host",
		do:    config("url.git@github.com:acme/.insteadOf", "https://github.com/acme/"),
		check: "rewrites", says: "ssh://github.com",
	},
	{
		name: "a rewrite of every host",
		do:   config("url.https://mirror.example/.insteadOf", "https://"), check: "rewrites",
		says: "https://mirror.example",
	},
	{
		name: "a rewrite to a folder", do: config("url./mirror/.insteadOf", "https://github.com/"),
		check: "rewrites", says: "into paths",
	},
	{
		name: "a rewrite to https",
		do:   config("url.https://github.com/.insteadOf", "git@github.com:"), check: "rewrites",
		status: "ok",
	},
	{
		name:  "a rewrite of another host",
		do:    config("url.ssh://git@git.example/.insteadOf", "https://git.example/"),
		check: "rewrites", status: "ok",
	},

	{
		name: "an entry for the host",
		do:   home(".netrc", "machine github.com\n login x password hunter2\n"), check: "netrc",
		says: "(machine github.com)",
	},
	{
		name:  "an entry for all hosts",
		do:    home("_netrc", "machine git.example login y password z default login x password hunter2"),
		check: "netrc", says: "(default)",
	},
	{
		name: "an entry for another host",
		do:   home(".netrc", "machine git.example login default password hunter2"), check: "netrc",
		status: "ok",
	},
	{
		name: "an entry in the file that NETRC names", check: "netrc",
		says: "elsewhere has an entry for github.com",
		do: func(t *testing.T, p *patient) {
			home("elsewhere", "machine GitHub.com login x password hunter2")(t, p)
			p.Env["NETRC"] = filepath.Join(p.Home, "elsewhere")
		},
	},
}

func TestDoctorTellsWhatLeadsPastTheHelper(t *testing.T) { diagnose(t, bypassBreakages) }

// TestDoctorLooksAtTheRepositoryThatItRunsIn does so in a folder below it, by
// the built command.
func TestDoctorLooksAtTheRepositoryThatItRunsIn(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	folder := t.TempDir()
	p.Run(t, folder, "init", "--quiet")
	p.Run(t, folder, "remote", "add", "origin",
		"https://x-access-token:hunter2@github.com/acme/widgets")
	below := filepath.Join(folder, "below")
	require.NoError(t, os.Mkdir(below, 0o700))
	cmd := process(t.Context(), t, p.Env, "", "doctor", "--json")
	cmd.Dir = below
	output, _ := cmd.Output()
	d := p.read(t, result{Stdout: string(output), Code: cmd.ProcessState.ExitCode()})
	require.Equal(t, []string{"remotes"}, d.with("error"), "%+v", d)
	require.Empty(t, d.with("warning"))
}
