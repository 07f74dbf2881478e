package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// around is a platform whose workspaces push to agent/* by git, and use the API
// with contents: read and pull_requests: write. In acme/widgets the branch
// topic has a commit that main hasn't, and the other way round.
type around struct {
	*platform
	t      *testing.T
	rules  atomic.Bool // whether AllowRefs is asked; the scopes of GitAndAPI hold anyway
	writer string      // a token with contents: write that the forge takes directly
	backup string      // of its refs

	// What the requests below name.
	main, topic, readme    string // objects of git's
	repository, other, ref string // node ids of the repository and of the branches other and main
	id                     int64  // of the repository
}

func newAround(t *testing.T) *around {
	a := &around{t: t, backup: t.TempDir()}
	a.platform = newPlatform(t, func(p *platform, o *gateway.Options) {
		p.github.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme",
			Permissions: map[string]string{"contents": "write", "pull_requests": "write"}})
		scoped := func(permissions map[string]string) *githubapp.Installation {
			return p.app.Installation(installationID, githubapp.Scope{Permissions: permissions})
		}
		grant := gateway.GitAndAPI(scoped(map[string]string{"contents": "write"}),
			scoped(map[string]string{"contents": "read", "pull_requests": "write"}))
		allow, err := gateway.AllowRefs("refs/heads/agent/*")
		require.NoError(t, err)
		o.Policy = func(_ context.Context, _ tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			if a.rules.Load() {
				return grant(op), allow(op)
			}
			return grant(op), nil
		}
	})
	var err error
	a.writer, _, err = a.app.Installation(installationID).Token(t.Context())
	require.NoError(t, err)
	git, dir := testutil.NewGit(t), a.github.RepositoryDir("acme/widgets")
	first := git.Run(t, dir, "rev-parse", "main")
	a.readme = git.Run(t, dir, "rev-parse", "main:README.md")
	for _, branch := range []string{"main", "topic"} {
		tip := git.Run(t, dir, "commit-tree", "-m", branch, "-p", first, first+"^{tree}")
		git.Run(t, dir, "update-ref", "refs/heads/"+branch, tip)
	}
	git.Run(t, dir, "update-ref", "refs/heads/other", first)
	a.main, a.topic = git.Run(t, dir, "rev-parse", "main"), git.Run(t, dir, "rev-parse", "topic")
	require.NoError(t, os.CopyFS(a.backup, os.DirFS(filepath.Join(dir, "refs"))))

	var found struct {
		Data struct {
			Repository struct {
				ID         string
				DatabaseID int64
				Main       struct{ ID string }
				Other      struct{ ID string }
			}
		}
	}
	got := a.directly("POST", "/api/graphql", graphQL(`{repository(owner:"acme",name:"widgets"){id databaseId
		main:ref(qualifiedName:"refs/heads/main"){id} other:ref(qualifiedName:"refs/heads/other"){id}}}`))
	require.NoError(t, json.Unmarshal([]byte(got.body), &found), got.body)
	a.repository, a.id = found.Data.Repository.ID, found.Data.Repository.DatabaseID
	a.ref, a.other = found.Data.Repository.Main.ID, found.Data.Repository.Other.ID
	return a
}

func graphQL(query string) string {
	body, _ := json.Marshal(map[string]string{"query": query})
	return string(body)
}

// directly asks the forge itself, with a token that may write.
func (a *around) directly(method, path, body string) answer {
	a.t.Helper()
	r := testutil.NewRequest(a.t.Context(), a.t, method, a.github.URL+path, "Bearer "+a.writer, body)
	resp, err := a.github.Client().Do(r)
	require.NoError(a.t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	return answer{resp.StatusCode, resp.Header, string(content)}
}

// state is what git itself says of the repository's refs.
func (a *around) state() string {
	a.t.Helper()
	return testutil.NewGit(a.t).Run(a.t, a.github.RepositoryDir("acme/widgets"), "for-each-ref", "--format=%(refname) %(objectname)")
}

// restore brings all refs back to where they were at first.
func (a *around) restore() {
	a.t.Helper()
	dir := filepath.Join(a.github.RepositoryDir("acme/widgets"), "refs")
	require.NoError(a.t, os.RemoveAll(dir))
	require.NoError(a.t, os.CopyFS(dir, os.DirFS(a.backup)))
}
