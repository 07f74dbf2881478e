package githubapptest_test

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// gh runs the real gh, which takes the server for github.com, in an environment
// of its own.
type gh struct {
	t    *testing.T
	path string
	env  map[string]string
}

func (f *fake) newGH(token string) *gh {
	f.t.Helper()
	path := testutil.NeedTool(f.t, "gh")
	socket, err := f.ListenUnix()
	require.NoError(f.t, err)
	g := &gh{f.t, path, f.newGit(token).Env} // its clone runs git
	maps.Copy(g.env, testutil.GHEnv(f.t, g.env["HOME"], socket))
	g.env["GH_TOKEN"] = token
	return g
}

// try runs gh and returns what it prints, on both outputs, and how it ended.
func (g *gh) try(args ...string) (stdout, stderr string, err error) {
	g.t.Helper()
	cmd := exec.CommandContext(g.t.Context(), g.path, args...)
	for name, value := range g.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

func (g *gh) run(args ...string) string {
	g.t.Helper()
	stdout, stderr, err := g.try(args...)
	require.NoError(g.t, err, "gh %v: %s", args, stderr)
	return stdout + stderr
}

func TestTheRealGHWorksWithAnInstallationToken(t *testing.T) {
	t.Parallel()
	f := newFake(t, &githubapptest.Options{TLS: true})
	url, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	f.AddInstallation(githubapptest.Installation{ID: 9, AppID: appID, Account: "other", Repositories: []string{"other/things"}})
	token, _ := f.mint("")
	g := f.newGH(token)

	t.Run("gh api on a repository", func(t *testing.T) {
		require.Equal(t, "main "+url+"\n", g.run("api", "repos/acme/widgets", "--jq", `.default_branch + " " + .clone_url`))
	})
	t.Run("gh api follows pages", func(t *testing.T) {
		require.Equal(t, "acme/widgets\n", g.run("api", "--paginate", "installation/repositories", "--jq", ".repositories[].full_name"))
	})
	t.Run("gh api on the user", func(t *testing.T) {
		_, stderr, err := g.try("api", "user")
		require.Error(t, err)
		require.Contains(t, stderr, "gh: Resource not accessible by integration (HTTP 403)")
	})
	t.Run("gh api graphql", func(t *testing.T) {
		require.JSONEq(t, `{"data":{"viewer":{"login":"robot[bot]"}}}`, g.run("api", "graphql", "-f", "query={ viewer { login } }"))
		require.Equal(t, "main\n", g.run("api", "graphql", "-F", "owner=acme", "-F", "name=widgets", "--jq", ".data.repository.defaultBranchRef.name",
			"-f", "query=query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { defaultBranchRef { name } } }"))
		_, stderr, err := g.try("api", "graphql", "-f", "query={ viewer { nickname } }")
		require.Error(t, err)
		require.Contains(t, stderr, "gh: Field 'nickname' doesn't exist on type 'User'")
	})
	t.Run("gh auth status", func(t *testing.T) {
		said := g.run("auth", "status")
		require.Contains(t, said, "Logged in to github.com")
		require.Contains(t, said, "robot[bot]")
		require.NotContains(t, said, "scope")
	})
	t.Run("gh auth token", func(t *testing.T) {
		require.Equal(t, token+"\n", g.run("auth", "token"))
	})
	t.Run("gh repo view", func(t *testing.T) {
		said := g.run("repo", "view", "acme/widgets")
		require.Contains(t, said, "name:\tacme/widgets")
		require.Contains(t, said, "# widgets")
	})
	t.Run("gh repo view of a repository outside the token's scope", func(t *testing.T) {
		_, stderr, err := g.try("repo", "view", "other/things")
		require.Error(t, err)
		require.Contains(t, stderr, "Could not resolve to a Repository with the name 'other/things'.")
	})
	t.Run("gh repo clone", func(t *testing.T) {
		clone := filepath.Join(t.TempDir(), "clone")
		// gh lets git ask no helper but gh, which has nothing for this host.
		basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
		g.env["GIT_CONFIG_COUNT"] = "2"
		g.env["GIT_CONFIG_KEY_0"], g.env["GIT_CONFIG_VALUE_0"] = "http."+f.URL+"/.extraHeader", "Authorization: Basic "+basic
		g.env["GIT_CONFIG_KEY_1"], g.env["GIT_CONFIG_VALUE_1"] = "url."+f.URL+"/.insteadOf", "https://github.com/"
		g.run("repo", "clone", "acme/widgets", clone)
		require.FileExists(t, filepath.Join(clone, "README.md"))
	})
	t.Run("all of it is in the log", func(t *testing.T) {
		seen := map[string]bool{}
		for _, r := range f.Requests() {
			if r.InstallationID == installationID && !r.Git {
				seen[r.Method+" "+r.Path] = true
			}
		}
		for _, request := range []string{"GET /", "GET /user", "GET /repos/acme/widgets", "GET /repos/acme/widgets/readme", "POST /graphql"} {
			require.True(t, seen[request], request)
		}
	})
}

func TestTheRealGHIsThePersonWithAUserToken(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	token, _ := f.signIn("alice")
	g := f.newGH(token)
	require.Equal(t, "alice\n", g.run("api", "user", "--jq", ".login"))
	require.Regexp(t, `Logged in to github.com (account|as) alice`, g.run("auth", "status"))
	require.Equal(t, "WRITE\n", g.run("repo", "view", "acme/widgets", "--json", "viewerPermission", "--jq", ".viewerPermission"))
	_, stderr, err := g.try("repo", "view", "acme/gadgets")
	require.Error(t, err)
	require.Contains(t, stderr, "Could not resolve to a Repository")
}

// The fields that gh itself lists, all at once.
func TestTheRealGHGetsEveryFieldOfARepository(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account,
		Permissions: map[string]string{"contents": "write", "issues": "read", "pull_requests": "read"}})
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	token, _ := f.mint("")
	g := f.newGH(token)
	_, listed, _ := g.try("repo", "view", "--json")
	_, listed, found := strings.Cut(listed, "--json`:")
	require.True(t, found)
	fields := strings.Fields(listed)
	require.Greater(t, len(fields), 50)
	stdout, stderr, err := g.try("repo", "view", "acme/widgets", "--json", strings.Join(fields, ","))
	require.NoError(t, err, stderr)
	var view map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &view))
	require.Len(t, view, len(fields))
	require.Equal(t, "acme/widgets", view["nameWithOwner"])
	require.Equal(t, "WRITE", view["viewerPermission"])
	require.Equal(t, map[string]any{"totalCount": 0.0}, view["issues"])
}

func TestTheRealGHSeesATokensLimits(t *testing.T) {
	t.Parallel()
	f := newFake(t, &githubapptest.Options{TokenLife: time.Minute})
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	token, _ := f.mint(`{"permissions":{"issues":"read"}}`)
	g := f.newGH(token)
	_, stderr, err := g.try("repo", "view", "acme/widgets", "--json", "defaultBranchRef")
	require.Error(t, err)
	require.Contains(t, stderr, "Resource not accessible by integration")
	_, stderr, err = g.try("repo", "view", "acme/widgets") // which shows the README
	require.Error(t, err)
	require.Contains(t, stderr, "Resource not accessible by integration")

	f.SetClockOffset(2 * time.Minute)
	_, stderr, err = g.try("api", "repos/acme/widgets")
	require.Error(t, err)
	require.Contains(t, stderr, "gh: Bad credentials (HTTP 401)")
	_, stderr, err = g.try("auth", "status")
	require.Error(t, err)
	require.Regexp(t, "invalid|no longer valid", stderr) // 2.60, 2.23
	_, stderr, err = g.try("repo", "view", "acme/widgets")
	require.Error(t, err)
	require.Contains(t, stderr, "HTTP 401: Bad credentials (https://api.github.com/graphql)")
}

func TestTheRealGHWorksWithAGitHubEnterpriseServer(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	token, _ := f.mint("")
	g := f.newGH("")
	g.env["GH_ENTERPRISE_TOKEN"], g.env["GH_HOST"] = token, "github.example.com"
	require.Equal(t, "https://github.example.com/api/v3/repos/acme/widgets\n", g.run("api", "repos/acme/widgets", "--jq", ".url"))
	require.Equal(t, "robot[bot]\n", g.run("api", "graphql", "-f", "query={viewer{login}}", "--jq", ".data.viewer.login"))
}

func TestLinksOverAUnixSocketLeadToTheHostAskedFor(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account,
		Repositories: []string{"acme/one", "acme/two", "acme/three"}})
	token, _ := f.mint("")
	g := f.newGH(token)
	require.Equal(t, "acme/one\nacme/two\nacme/three\n",
		g.run("api", "--paginate", "installation/repositories?per_page=1", "--jq", ".repositories[].full_name"))
}

func TestASocketGoesWithTheServer(t *testing.T) {
	t.Parallel()
	s, err := githubapptest.NewServer(nil)
	require.NoError(t, err)
	s.AddApp(githubapptest.App{ID: appID, Keys: []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey}})
	one, err := s.ListenUnix()
	require.NoError(t, err)
	two, err := s.ListenUnix()
	require.NoError(t, err)
	require.NotEqual(t, one, two)
	folder, err := os.Stat(filepath.Dir(one))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
	s.Close()
	require.NoDirExists(t, filepath.Dir(one))
	require.NoDirExists(t, filepath.Dir(two))
	_, err = s.ListenUnix()
	require.Error(t, err)
}
