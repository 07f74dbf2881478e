package githubapp_test

import (
	"net/http"
	"runtime"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

var (
	contentsRead  = githubapp.Scope{Permissions: map[string]string{"contents": "read"}}
	contentsWrite = githubapp.Scope{Permissions: map[string]string{"contents": "write"}}
	issuesRead    = githubapp.Scope{Permissions: map[string]string{"issues": "read"}}
	widgets       = githubapp.Scope{Repositories: []string{"widgets"}}
	both          = githubapp.Scope{Repositories: []string{"widgets", "gadgets"}}
)

func TestAScopeIsWhatGoesOverTheWire(t *testing.T) {
	for name, c := range map[string]struct {
		scope githubapp.Scope
		body  string
	}{
		"everything":   {githubapp.Scope{}, ""},
		"names":        {githubapp.Scope{Repositories: []string{"widgets", "GADGETS", "Widgets"}}, `{"repositories":["GADGETS","widgets"]}`},
		"ids":          {githubapp.Scope{RepositoryIDs: []int64{9, 3, 9}}, `{"repository_ids":[3,9]}`},
		"permissions":  {contentsRead, `{"permissions":{"contents":"read"}}`},
		"all of these": {githubapp.Scope{Repositories: []string{"widgets"}, RepositoryIDs: []int64{3}, Permissions: contentsRead.Permissions}, `{"repositories":["widgets"],"repository_ids":[3],"permissions":{"contents":"read"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			_, _, _ = g.app(t).Installation(installationID, c.scope).Token(t.Context())
			require.Equal(t, c.body, string(g.attempts()[0].Body))
		})
	}
}

func TestTheSameScopeIsTheSameInstallation(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	whole := app.Installation(installationID)
	narrow := app.Installation(installationID, githubapp.Scope{Repositories: []string{"widgets", "Gadgets"}, Permissions: map[string]string{"contents": "read", "issues": "read"}})
	same := app.Installation(installationID, githubapp.Scope{Repositories: []string{"gadgets", "WIDGETS", "widgets"}, Permissions: map[string]string{"issues": "read", "contents": "read"}})
	require.Same(t, whole, app.Installation(installationID, githubapp.Scope{}))
	require.Same(t, narrow, same)
	require.Same(t, narrow, app.Installation(installationID, both).Scoped(githubapp.Scope{Permissions: map[string]string{"contents": "read", "issues": "read"}}))
	require.NotSame(t, app.Installation(installationID, contentsRead), app.Installation(installationID, contentsWrite))
	require.NotSame(t, whole, app.Installation(installationID+1))
	require.NotSame(t, app.Installation(installationID, githubapp.Scope{RepositoryIDs: []int64{12, 3}}), app.Installation(installationID, githubapp.Scope{RepositoryIDs: []int64{1, 23}}))
	require.NotSame(t, whole, g.app(t).Installation(installationID), "another App has other tokens")

	runtime.GC()
	runtime.GC()
	require.Same(t, narrow, app.Installation(installationID, both, githubapp.Scope{Permissions: map[string]string{"contents": "read", "issues": "read"}}))
}

func TestATokenOutlivesTheHandleThatMintedIt(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	first, _ := g.mint(t, app.Installation(installationID))
	runtime.GC()
	runtime.GC()
	again, _ := g.mint(t, app.Installation(installationID))
	require.Equal(t, first, again)
	require.Equal(t, 1, g.Mints())
}

func TestAScopeThatGitHubWouldMisunderstandIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		id    int64
		scope []githubapp.Scope
		says  string
	}{
		"id of zero":           {0, nil, "installation 0"},
		"id below zero":        {-1, nil, "installation -1"},
		"no repositories":      {1, []githubapp.Scope{{Repositories: []string{}}}, "Scope.Repositories is empty"},
		"no ids":               {1, []githubapp.Scope{{RepositoryIDs: []int64{}}}, "Scope.RepositoryIDs is empty"},
		"no permissions":       {1, []githubapp.Scope{{Permissions: map[string]string{}}}, "Scope.Permissions is empty"},
		"an owner":             {1, []githubapp.Scope{{Repositories: []string{"acme/widgets"}}}, "without the owner"},
		"an empty name":        {1, []githubapp.Scope{{Repositories: []string{""}}}, "no repository's name"},
		"repository id 0":      {1, []githubapp.Scope{{RepositoryIDs: []int64{0}}}, "positive"},
		"unknown level":        {1, []githubapp.Scope{{Permissions: map[string]string{"contents": "rw"}}}, "levels are read, write and admin"},
		"wider repositories":   {1, []githubapp.Scope{widgets, both}, "gadgets"},
		"wider permissions":    {1, []githubapp.Scope{contentsRead, contentsWrite}, "contents: write (has read)"},
		"another permission":   {1, []githubapp.Scope{contentsWrite, issuesRead}, "issues: read (has none)"},
		"ids below names":      {1, []githubapp.Scope{widgets, {RepositoryIDs: []int64{5}}}, "repository id 5"},
		"wider after an error": {1, []githubapp.Scope{{Repositories: []string{}}, {}}, "Scope.Repositories is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			err := g.tokenError(t, g.app(t).Installation(c.id, c.scope...))
			require.Equal(t, tokenprovider.CodeInvalidRequest, err.Code)
			require.ErrorContains(t, err, c.says)
			require.Empty(t, g.Requests(), "GitHub isn't asked")
		})
	}
}

func TestScopedOnlyNarrows(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	base := app.Installation(installationID, both, contentsWrite)
	require.Same(t, base, base.Scoped(githubapp.Scope{}))
	require.Same(t, app.Installation(installationID, widgets, contentsRead), base.Scoped(widgets).Scoped(contentsRead))

	token, _ := g.mint(t, base.Scoped(widgets).Scoped(contentsRead))
	require.Equal(t, http.StatusOK, g.status(t, token, "/installation/repositories"))
	granted, ok := base.Scoped(widgets).Scoped(contentsRead).Granted()
	require.True(t, ok)
	require.Equal(t, []string{"widgets"}, granted.Repositories)
	require.Equal(t, map[string]string{"contents": "read", "metadata": "read"}, granted.Permissions)

	refused := base.Scoped(contentsRead).Scoped(contentsWrite)
	require.Equal(t, tokenprovider.CodeInvalidRequest, g.tokenError(t, refused.Scoped(contentsRead)).Code, "it stays refused")
}

func TestAGrantWiderThanAskedIsRefused(t *testing.T) {
	repositories := func(names ...string) []any {
		list := []any{}
		for n, name := range names {
			list = append(list, map[string]any{"id": 900 + n, "name": name})
		}
		return list
	}
	byID := githubapp.Scope{RepositoryIDs: []int64{900}}
	for name, c := range map[string]struct {
		scope githubapp.Scope
		fault githubapptest.Fault
		says  string // "": accepted
	}{
		"everything":                     {contentsRead, githubapptest.MintWiderGrant, "contents: write"},
		"all repositories":               {widgets, githubapptest.SetField("repository_selection", "all"), "all repositories"},
		"an unknown selection":           {widgets, githubapptest.SetField("repository_selection", "most"), "most repositories"},
		"one more repository":            {widgets, githubapptest.SetField("repositories", repositories("widgets", "gadgets")), "gadgets"},
		"one more by id":                 {byID, githubapptest.Body(201, "", answer(t, repositories("a", "b"))), "repository b"},
		"one that is named as the token": {byID, githubapptest.Body(201, "", answer(t, repositories("a", "ghs_0123456789abcdefghijklmnopqrstuvwxyz"))), "repository [redacted]"},
		"another permission":             {contentsRead, githubapptest.SetField("permissions", map[string]string{"issues": "read"}), "issues: read"},
		"a level that isn't known":       {contentsRead, githubapptest.SetField("permissions", map[string]string{"contents": "own"}), "contents: own"},
		"metadata: write":                {contentsRead, githubapptest.SetField("permissions", map[string]string{"metadata": "write"}), "metadata: write"},
		"exactly that":                   {byID, githubapptest.Body(201, "", answer(t, repositories("renamed"))), ""},
		"metadata: read":                 {contentsRead, githubapptest.SetField("permissions", map[string]string{"contents": "read", "metadata": "read"}), ""},
		"less":                           {contentsWrite, githubapptest.SetField("permissions", map[string]string{"contents": "read"}), ""},
		"another case":                   {widgets, githubapptest.SetField("repositories", repositories("WIDGETS")), ""},
		"no permissions said":            {contentsRead, githubapptest.DropField("permissions"), ""},
		"no repositories said":           {widgets, githubapptest.DropField("repositories"), ""},
		"no selection said":              {widgets, githubapptest.DropField("repository_selection"), ""},
		"anything, to no narrow scope":   {githubapp.Scope{}, githubapptest.SetField("permissions", map[string]string{"x": "admin"}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			g.Fail(githubapptest.Rule{Fault: c.fault})
			i := g.app(t).Installation(installationID, c.scope)
			if c.says == "" {
				g.mint(t, i)
				return
			}
			err := g.tokenError(t, i)
			require.Equal(t, tokenprovider.CodeInternal, err.Code)
			require.ErrorContains(t, err, "wider")
			require.ErrorContains(t, err, c.says)
			_, ok := i.Granted()
			require.False(t, ok)
		})
	}
}

func TestRequireNamesEachPermissionThatIsNotGranted(t *testing.T) {
	g := newGitHub(t, nil)
	i := g.app(t).Installation(installationID)
	require.NoError(t, i.Require(t.Context(), map[string]string{"contents": "read", "issues": "read", "metadata": "read"}))
	err := i.Require(t.Context(), map[string]string{"contents": "write", "issues": "write", "workflows": "write"})
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
	require.ErrorContains(t, err, "installation 42 isn't granted issues: write (has read), workflows: write (has none); grant them")
	require.Equal(t, 1, g.Mints())
}

func TestARepositoryNamedLikeAnIDIsNotTheOneWithThatID(t *testing.T) {
	app := newGitHub(t, nil).app(t)
	require.NotSame(t, app.Installation(installationID, githubapp.Scope{Repositories: []string{"900"}}),
		app.Installation(installationID, githubapp.Scope{RepositoryIDs: []int64{900}}))
}

func TestAScopeIsCopiedInAndOut(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	scope := githubapp.Scope{Repositories: []string{"widgets"}, Permissions: map[string]string{"contents": "read"}}
	i := app.Installation(installationID, scope)
	scope.Repositories[0], scope.Permissions["contents"] = "gadgets", "write"
	g.mint(t, i)
	granted, _ := i.Granted()
	require.Equal(t, []string{"widgets"}, granted.Repositories)
	require.Equal(t, "read", granted.Permissions["contents"])

	granted.Repositories[0], granted.Permissions["contents"] = "everything", "admin"
	again, _ := i.Granted()
	require.Equal(t, []string{"widgets"}, again.Repositories)
	require.Equal(t, "read", again.Permissions["contents"])
}
