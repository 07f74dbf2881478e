package githubapp_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// table is a policy as a platform has one: what each workspace may have. What
// isn't in it is denied.
type table struct {
	mu     sync.Mutex
	scopes map[string]githubapp.Scope
	all    *githubapp.Scope // what every other workspace may have; nil: nothing
}

var errDenied = &tokenprovider.Error{Code: tokenprovider.CodeForbidden, Err: errors.New("no such workspace")}

func (p *table) policy(_ context.Context, workspaceID string) (int64, githubapp.Scope, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.scopes[workspaceID]
	if !ok && p.all != nil {
		return installationID, *p.all, nil
	}
	if !ok {
		return 0, githubapp.Scope{}, errDenied
	}
	return installationID, s, nil
}

func (p *table) set(workspaceID string, s *githubapp.Scope) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.scopes, workspaceID)
	if s != nil {
		p.scopes[workspaceID] = *s
	}
}

func newTable() *table {
	gadgets := githubapp.Scope{Repositories: []string{"gadgets"}, Permissions: contentsRead.Permissions}
	return &table{scopes: map[string]githubapp.Scope{"a": widgets, "a2": widgets, "b": gadgets}}
}

func newWorkspaceMutator(
	t testing.TB, a *githubapp.App, policy githubapp.ScopePolicy, opts *githubapp.MutatorOptions,
) *githubapp.WorkspaceMutator {
	t.Helper()
	m, err := githubapp.NewWorkspaceMutator(a, policy, opts)
	require.NoError(t, err)
	return m
}

func (g *github) workspaceToken(t testing.TB, m *githubapp.WorkspaceMutator, workspaceID string) string {
	t.Helper()
	token, _, err := m.WorkspaceToken(t.Context(), workspaceID)
	require.NoError(t, err)
	g.output.Secret(token)
	return token
}

func (g *github) alive(t testing.TB, token string) bool {
	t.Helper()
	return g.status(t, token, "/installation/repositories") == http.StatusOK
}

func TestWhatAWorkspacesTokenMayDoIsKnownOfItsInstallation(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	g.workspaceToken(t, newWorkspaceMutator(t, app, newTable().policy, nil), "a")
	granted, ok := app.Installation(installationID, widgets).Granted()
	require.True(t, ok)
	require.Equal(t, []string{"widgets"}, granted.Repositories)
}

func TestEachWorkspaceGetsTheScopeOfItsPolicy(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	m := newWorkspaceMutator(t, app, newTable().policy, nil)
	require.Equal(t, "github-app-auth", m.Name())
	env := map[string]string{}
	require.NoError(t, m.MutateEnv(t.Context(), "a", env))
	a, a2, b := g.workspaceToken(t, m, "a"), g.workspaceToken(t, m, "a2"), g.workspaceToken(t, m, "b")
	require.Equal(t, map[string]string{"GITHUB_TOKEN": a, "GH_TOKEN": a}, env)
	outside, _ := g.mint(t, app.Installation(installationID, widgets))
	require.Len(t, map[string]bool{a: true, a2: true, b: true, outside: true}, 4, "nobody shares a workspace's token")
	for n, body := range []string{`{"repositories":["widgets"]}`, `{"repositories":["widgets"]}`,
		`{"repositories":["gadgets"],"permissions":{"contents":"read"}}`} {
		require.Equal(t, body, string(g.attempts()[n].Body))
	}
}

func TestAPolicyThatFailsMeansNoToken(t *testing.T) {
	g := newGitHub(t, nil)
	p := newTable()
	m := newWorkspaceMutator(t, g.app(t), p.policy, nil)
	g.workspaceToken(t, m, "a")
	p.set("a", nil)
	env := map[string]string{"PATH": "/bin"}
	err := m.MutateEnv(t.Context(), "a", env)
	require.ErrorIs(t, err, errDenied)
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
	require.ErrorContains(t, err, `policy for workspace "a"`)
	require.Equal(t, map[string]string{"PATH": "/bin"}, env)

	p.set("a", &githubapp.Scope{Repositories: []string{}})
	_, _, err = m.WorkspaceToken(t.Context(), "a")
	require.Equal(t, tokenprovider.CodeInvalidRequest, tokenprovider.CodeOf(err), "an empty list isn't everything")
	_, _, err = m.WorkspaceToken(t.Context(), "")
	require.Equal(t, tokenprovider.CodeInvalidRequest, tokenprovider.CodeOf(err))
	require.Equal(t, 1, g.Mints())
}

func TestNewWorkspaceMutatorNamesWhatIsMissingOrMalformed(t *testing.T) {
	app, policy := newGitHub(t, nil).app(t), newTable().policy
	for says, c := range map[string]struct {
		app    *githubapp.App
		policy githubapp.ScopePolicy
		names  []string
	}{
		"the App is nil":    {nil, policy, nil},
		"the policy is nil": {app, nil, nil},
		`MutatorOptions.EnvNames holds "B=C", which is no variable's name`: {app, policy, []string{"A", "B=C"}},
		`MutatorOptions.EnvNames holds "", which is no variable's name`:    {app, policy, []string{""}},
	} {
		m, err := githubapp.NewWorkspaceMutator(c.app, c.policy, &githubapp.MutatorOptions{EnvNames: c.names})
		require.ErrorContains(t, err, says)
		require.Nil(t, m)
	}
}

// unaskable is an error that panics when it is asked what it is.
type unaskable struct{}

func (unaskable) Error() string { return "unaskable" }
func (unaskable) As(any) bool   { panic("a defect") }

func TestAPolicyThatBreaksIsAnErrorAndHoldsNobodyUp(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	for name, c := range map[string]struct {
		does func(context.Context) error
		code tokenprovider.Code
		says string
	}{
		"panics":             {func(context.Context) error { panic("ghs_secretsecretsecret") }, tokenprovider.CodeInternal, "the ScopePolicy panicked: a value of type string"},
		"ends its goroutine": {func(context.Context) error { runtime.Goexit(); return nil }, tokenprovider.CodeInternal, "the ScopePolicy ended its goroutine"},
		"its error panics":   {func(context.Context) error { return unaskable{} }, tokenprovider.CodeInternal, "the ScopePolicy panicked: a value of type string"},
		"hangs":              {func(context.Context) error { <-t.Context().Done(); return nil }, tokenprovider.CodeUnavailable, "context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newWorkspaceMutator(t, app, func(ctx context.Context, _ string) (int64, githubapp.Scope, error) {
				return installationID, widgets, c.does(ctx)
			}, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, _, err := m.WorkspaceToken(ctx, "a")
			require.Equal(t, c.code, tokenprovider.CodeOf(err))
			require.ErrorContains(t, err, `policy for workspace "a": `)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "ghs_secret")
		})
	}
	require.Zero(t, g.Mints())
}
