package doctor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// anonymous takes away who commits.
func anonymous(t *testing.T, p *patient) {
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"} {
		delete(p.Env, name)
	}
}

var repositoryBreakages = []breakage{
	{
		name: "a repository of a format that git doesn't know", check: "repository",
		says: "git can't open the repository in this folder: run git status",
		do:   remote("core.repositoryFormatVersion", "99"),
	},
	{
		name: "a forge that can't be reached", check: "forge",
		says: "git gets no answer of github.com",
		do: func(t *testing.T, p *patient) {
			remote("remote.origin.url", "https://github.com/acme/widgets")(t, p)
			p.config(t, "http.proxy", "http://"+refusing)
		},
	},
	{
		name: "nobody who commits", do: anonymous, check: "identity", status: "warning",
		says: "have the platform set GIT_AUTHOR_NAME",
	},
	{
		name: "a name that is made up", check: "identity", status: "warning",
		says: "have the platform set GIT_AUTHOR_NAME",
		do: func(t *testing.T, p *patient) {
			anonymous(t, p)
			p.config(t, "user.email", "test@example.com")
		},
	},
	{
		name: "an identity in the configuration", check: "identity", status: "ok",
		says: "commits are by Test <test@example.com>",
		do: func(t *testing.T, p *patient) {
			anonymous(t, p)
			p.config(t, "user.name", "Test")
			p.config(t, "user.email", "test@example.com")
		},
	},
}

func TestDoctorTellsWhatIsWrongWithTheRepository(t *testing.T) { diagnose(t, repositoryBreakages) }

// in runs the built command in the folder.
func (p *patient) in(t *testing.T, folder string) diagnosis {
	t.Helper()
	cmd := process(t.Context(), t, p.Env, "", "doctor", "--json")
	cmd.Dir = folder
	return p.read(t, run(t, p.Env, cmd))
}

func TestDoctorTellsOfARepositoryThatBelongsToAnotherUser(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	folder := t.TempDir()
	p.Run(t, folder, "init", "--quiet")
	p.Env["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
	d := p.in(t, folder)
	require.Equal(t, []string{"repository"}, d.with("error"), "%+v", d)
	require.Contains(t, d.message("repository"), "belongs to another user (dubious ownership)")
	require.Equal(t, []string{"remotes", "forge"}, d.with("skipped"))
}

func TestDoctorIsRightAboutALargeRepository(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	folder := t.TempDir()
	p.Run(t, folder, "init", "--quiet")
	for n := range 1200 {
		module := filepath.Join(folder, ".git", "modules", fmt.Sprintf(`m "%d"\`, n))
		require.NoError(t, os.MkdirAll(module, 0o700))
		content := fmt.Sprintf("[remote \"origin\"]\n\turl = https://github.com/acme/m%d.git\n", n)
		require.NoError(t, os.WriteFile(filepath.Join(module, "config"), []byte(content), 0o600))
	}
	var branches strings.Builder
	long := strings.Repeat("of-the-long-running-queue-", 4)
	for n := range 3000 { // more than 1 MiB of settings
		fmt.Fprintf(&branches, "[branch \"agent/task-%d-%s\"]\n\tremote = origin\n"+
			"\tmerge = refs/heads/agent/task-%d-%s\n\teditors-merge-base = origin/main\n", n, long, n, long)
	}
	config, err := os.OpenFile(filepath.Join(folder, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = config.WriteString(branches.String())
	require.NoError(t, err)
	require.NoError(t, config.Close())
	d := p.in(t, folder)
	require.True(t, d.OK, "%+v", d)
	require.Empty(t, d.with("warning"), "%+v", d)
	require.Equal(t, "none holds a token", d.message("remotes"))

	last := filepath.Join(folder, ".git", "modules", `m "1199"\`, "config")
	p.Run(t, folder, "config", "--file", last, "remote.origin.url", "https://x:hunter2@github.com/acme/m.git")
	require.Contains(t, p.in(t, folder).message("remotes"), `modules/m "1199"\/config has a password or token in it`)
	require.NoError(t, os.WriteFile(last, []byte("[hunter2"), 0o600))
	require.Equal(t, "git can't read the configuration of a submodule: correct it", p.in(t, folder).message("remotes"))
}
