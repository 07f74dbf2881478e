package endtoend_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

const globexID = installationID + 1 // acme's is the one before

// organisations is a workspace with a repository of acme and one of globex, and
// one of initech, who hasn't installed the app.
type organisations struct {
	*platform
	*workspace
	inline  bool
	allowed atomic.Pointer[[]string]
}

func newOrganisations(t *testing.T, inline bool) *organisations {
	o := &organisations{inline: inline}
	o.allowed.Store(&[]string{"acme/widgets", "Globex/Rockets", uninstalled + "/x"})
	o.platform = newPlatform(t, platformOptions{
		repositories: []string{"acme/widgets", "globex/rockets", uninstalled + "/x", "acme/secret", "globex/secret"},
		allowed:      func() []string { return *o.allowed.Load() }, inline: inline,
	})
	o.workspace = o.provision(t, "ws-1")
	return o
}

func (o *organisations) url(repository string) string {
	return o.github.URL + "/" + repository + ".git"
}

// askedFor returns the repositories that tokens were issued for.
func (o *organisations) askedFor() []string {
	found := map[string]bool{}
	for _, r := range o.audited(issuedToken) {
		found[r.Repository] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// eachHelper runs test with the command for a helper and with a line of shell.
func eachHelper(t *testing.T, test func(t *testing.T, o *organisations)) {
	for _, inline := range []bool{false, true} {
		t.Run(fmt.Sprint("inline ", inline), func(t *testing.T) {
			t.Parallel()
			if inline {
				testutil.NeedTool(t, "curl")
			}
			test(t, newOrganisations(t, inline))
		})
	}
}

func TestGitWorksInRepositoriesOfTwoOrganisations(t *testing.T) {
	testutil.NeedTool(t, "git-lfs")
	eachHelper(t, func(t *testing.T, o *organisations) {
		o.Run(t, "", "lfs", "install", "--skip-repo")
		acme, globex := o.clone(t, 0), o.clone(t, 1)
		large := strings.Repeat("provisionkit", 100_000)
		o.Run(t, globex, "lfs", "track", "*.bin")
		require.NoError(t, os.WriteFile(filepath.Join(globex, "a.bin"), []byte(large), 0o600))
		o.Run(t, globex, "add", ".")
		o.commit(t, globex, "a large file")
		o.must(t, globex, "push", "--quiet")
		o.Run(t, acme, "submodule", "--quiet", "add", o.url("globex/rockets"), "rockets")
		o.commit(t, acme, "a submodule of another organisation")
		o.must(t, acme, "push", "--quiet")

		again := filepath.Join(t.TempDir(), "clone")
		o.must(t, "", "clone", "--quiet", "--recurse-submodules", o.url("acme/widgets"), again)
		content, err := os.ReadFile(filepath.Join(again, "rockets", "a.bin"))
		require.NoError(t, err)
		require.Equal(t, large, string(content))
		o.Run(t, globex, "lfs", "lock", "a.bin")

		require.Equal(t, []string{"acme/widgets", "globex/rockets"}, o.askedFor())
		require.Empty(t, o.requests(refused))
		require.Len(t, o.requests(minted), 2, "one token for each owner")
		for _, r := range o.requests(withToken) {
			if strings.HasSuffix(r.Path, "/verify") {
				continue // which the storage's signature lets in
			}
			owner, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
			require.Equal(t, map[string]int64{"acme": installationID, "globex": globexID}[owner], r.InstallationID, r.Path)
		}
	})
}

func TestGitSaysWhichRepositoryThereIsNoTokenFor(t *testing.T) {
	eachHelper(t, func(t *testing.T, o *organisations) {
		for repository, says := range map[string]string{
			uninstalled + "/x": "the platform's app isn't installed on initech",
			"acme/secret":      "acme/secret isn't among what the platform's policy allows this workspace",
			"globex/secret":    "globex/secret isn't among",
		} {
			if o.inline { // curl has no answer to read where it isn't 200
				says = "the platform has no token for this repository at the moment (500)"
			}
			got := o.remote(t, "", "ls-remote", o.url(repository))
			require.NotZero(t, got.code, repository)
			require.Contains(t, strings.Join(got.complaints(), ""), says)
		}
		require.Empty(t, o.requests(withToken))
	})
}

func TestNoPathOfAURLLeadsToAnotherRepository(t *testing.T) {
	eachHelper(t, func(t *testing.T, o *organisations) {
		fill := func(path string) string {
			cmd := o.Command(t, "", "credential", "fill")
			cmd.Stdin = strings.NewReader("protocol=https\nhost=" + o.host + "\npath=" + path + "\n\n")
			return o.run(cmd).stdout
		}
		require.Contains(t, fill("acme/widgets.git"), "password=")
		for _, path := range []string{
			"acme/secret", "acme/secret.git", "ACME/Secret.git", "acme/secret.git/info/lfs", "acme/secret.wiki.git", "globex/secret",
			"globex/widgets", "acme/rockets", "initech/x", "initech/y.git", "acme", "globex", "acme/widgets/../secret", "acme/../globex/secret",
			"acme/./secret", "acme//secret", "acme/widgets.git/../secret.git", "acme%2fsecret", "acme/widgets%2f..%2fsecret", "acme/secret?x=acme/widgets",
			"acme/secret#acme/widgets", "acme/widgets;globex/secret", `acme\secret`, "acme/widgets globex/secret", "acme/widgets,secret",
			"acme/widgets/secret", "acme/widgets.git.git", "user@acme/widgets", "https://github.com/acme/secret", "-acme/secret", "acme/*", "аcme/widgets",
		} {
			require.NotContains(t, fill(path), "password=", path)
		}
		require.Equal(t, []string{"acme/widgets"}, o.askedFor())
	})
}

func TestARepositoryThatMovedIsWhereTheListSays(t *testing.T) {
	eachHelper(t, func(t *testing.T, o *organisations) {
		acme, globex := o.clone(t, 0), o.clone(t, 1)
		require.NoError(t, o.github.RenameRepository("acme/widgets", "acme/gadgets"))
		o.must(t, acme, "fetch", "--quiet") // GitHub leads on, and the token is still for it
		require.NoError(t, o.github.RenameRepository("globex/rockets", "acme/rockets"))
		require.NotZero(t, o.remote(t, globex, "fetch", "--quiet").code, "globex's token isn't for it any more")

		o.github.AddInstallation(githubapptest.Installation{
			ID: installationID, AppID: appID, Account: "acme", Repositories: []string{"acme/gadgets", "acme/rockets"},
		})
		o.allowed.Store(&[]string{"acme/gadgets", "acme/rockets"})
		for clone, name := range map[string]string{acme: "acme/gadgets", globex: "acme/rockets"} {
			require.NotZero(t, o.remote(t, clone, "fetch", "--quiet").code, "the old name isn't on the list")
			o.Run(t, clone, "remote", "set-url", "origin", o.url(name))
			o.commit(t, clone, "on")
			o.must(t, clone, "push", "--quiet", "origin", "HEAD")
		}
	})
}

func TestGhWorksInRepositoriesOfTwoOrganisations(t *testing.T) {
	t.Parallel()
	real := testutil.NeedTool(t, "gh")
	o := newOrganisations(t, false)
	socket, err := o.github.ListenUnix()
	require.NoError(t, err)
	maps.Copy(o.Env, testutil.GHEnv(t, o.Home, socket))
	shim := filepath.Join(t.TempDir(), "gh")
	workspacetest.Link(t, testutil.Command(t), shim)
	o.Env["PATH"] = filepath.Dir(shim) + string(os.PathListSeparator) + filepath.Dir(real) + string(os.PathListSeparator) + o.Env["PATH"]
	o.Env["PROVISIONKIT_HOSTS"] = "github.com"
	tree := t.TempDir()
	o.Run(t, tree, "init", "--quiet")
	o.Run(t, tree, "remote", "add", "origin", "https://github.com/globex/rockets.git")

	gh := func(repository, dir string, args ...string) (string, string) {
		cmd := exec.CommandContext(t.Context(), shim, args...)
		cmd.Dir, cmd.Env = dir, append(workspacetest.Environ(o.Env), "GH_REPO="+repository)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run() // what it printed tells how it ended
		return stdout.String(), stderr.String()
	}
	whole := []string{"api", "repos/{owner}/{repo}", "--jq", ".full_name"}
	for name, row := range map[string]struct {
		repository, dir string
		args            []string
		want            string
	}{
		"GH_REPO":           {"globex/rockets", t.TempDir(), whole, "globex/rockets\n"},
		"the other GH_REPO": {"acme/widgets", tree, whole, "acme/widgets\n"},
		"a remote":          {"", tree, whole, "globex/rockets\n"},
		"an argument":       {"", tree, []string{"api", "repos/acme/widgets", "--jq", ".full_name"}, "acme/widgets\n"},
	} {
		stdout, stderr := gh(row.repository, row.dir, row.args...)
		require.Equal(t, row.want, stdout, "%s: %s", name, stderr)
	}
	stdout, _ := gh("", tree, "repo", "view", "acme/widgets")
	require.Contains(t, stdout, "name:\tacme/widgets")

	for repository, id := range map[string]int64{"acme/widgets": installationID, "globex/rockets": globexID} {
		gh("", tree, "workflow", "list", "-R", repository) // which the fake has none of
		path := "/repos/" + repository + "/actions/workflows"
		asked := o.requests(func(r githubapptest.Request) bool { return strings.HasSuffix(r.Path, path) })
		require.NotEmpty(t, asked, path)
		require.Equal(t, id, asked[0].InstallationID, path)
	}
	_, stderr := gh("", tree, "repo", "view", uninstalled+"/x")
	require.Contains(t, stderr, "gh runs without a token: ")
	require.Contains(t, stderr, "the platform's app isn't installed on initech")
	_, stderr = gh("globex/secret", tree, "api", "repos/{owner}/{repo}")
	require.Contains(t, stderr, "globex/secret isn't among what the platform's policy allows this workspace")
}
