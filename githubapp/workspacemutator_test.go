package githubapp_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// table is a policy as a platform has one: what each workspace may have. What
// isn't in it is denied.
type table struct {
	mu     sync.Mutex
	scopes map[string]githubapp.Scope
}

var errDenied = &tokenprovider.Error{Code: tokenprovider.CodeForbidden, Err: errors.New("no such workspace")}

func (p *table) policy(_ context.Context, workspaceID string) (int64, githubapp.Scope, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.scopes[workspaceID]
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

func TestEachWorkspaceGetsTheScopeOfItsPolicy(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	m := newWorkspaceMutator(t, app, newTable().policy, nil)
	require.Equal(t, "github-app-auth", m.Name())
	env := map[string]string{}
	require.NoError(t, m.MutateEnv(t.Context(), "a", env))
	a, a2, b := g.workspaceToken(t, m, "a"), g.workspaceToken(t, m, "a2"), g.workspaceToken(t, m, "b")
	require.Equal(t, map[string]string{"GITHUB_TOKEN": a, "GH_TOKEN": a}, env)
	require.Equal(t, a, a2, "equal scopes share a token")
	require.NotEqual(t, a, b)
	require.Equal(t, `{"repositories":["widgets"]}`, string(g.attempts()[0].Body))
	require.Equal(t, `{"repositories":["gadgets"],"permissions":{"contents":"read"}}`, string(g.attempts()[1].Body))
	outside, _ := g.mint(t, app.Installation(installationID, widgets))
	require.NotEqual(t, a, outside, "nobody outside shares a workspace's token")
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

func TestReleaseRevokesTheTokenUnlessAnotherWorkspaceSharesIt(t *testing.T) {
	g := newGitHub(t, nil)
	p := newTable()
	m := newWorkspaceMutator(t, g.app(t), p.policy, nil)
	a, b := g.workspaceToken(t, m, "a"), g.workspaceToken(t, m, "b")
	require.Equal(t, a, g.workspaceToken(t, m, "a2"))

	require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
	require.True(t, g.alive(t, a), "a2 has it")
	p.set("a2", nil)
	require.NoError(t, m.ReleaseWorkspace(t.Context(), "a2"), "also when the policy no longer knows it")
	require.False(t, g.alive(t, a))
	require.True(t, g.alive(t, b))
	require.NoError(t, m.ReleaseWorkspace(t.Context(), "a2"))
	require.NoError(t, m.ReleaseWorkspace(t.Context(), "never seen"))

	fresh := g.workspaceToken(t, m, "a")
	require.NotEqual(t, a, fresh)
	require.True(t, g.alive(t, fresh))
}

func TestReleaseRevokesEveryTokenThatTheWorkspaceWasGiven(t *testing.T) {
	g := newGitHub(t, nil)
	p := newTable()
	m := newWorkspaceMutator(t, g.app(t, func(o *githubapp.Options) { o.Cache.Settle = -1 }), p.policy, nil)
	first := g.workspaceToken(t, m, "a")
	require.True(t, m.Invalidate(first))
	require.False(t, m.Invalidate("ghs_another"))
	second := g.workspaceToken(t, m, "a")
	p.set("a", &contentsRead)
	third := g.workspaceToken(t, m, "a")
	require.NotEqual(t, first, second)
	require.NotEqual(t, second, third)
	require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
	for _, token := range []string{first, second, third} {
		require.False(t, g.alive(t, token))
	}
}

func TestATokenThatCouldNotBeRevokedIsTriedAgain(t *testing.T) {
	g := newGitHub(t, nil)
	m := newWorkspaceMutator(t, g.app(t), newTable().policy, nil)
	token := g.workspaceToken(t, m, "a")
	stop := g.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: githubapptest.HTML(503)})
	require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(m.ReleaseWorkspace(t.Context(), "a")))
	require.True(t, g.alive(t, token))
	testutil.RequireRedacted(t, m, token)
	stop()
	require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
	require.False(t, g.alive(t, token))
}

func TestTheStatusIsTheWorstOfTheWorkspaces(t *testing.T) {
	g := newGitHub(t, nil)
	g.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "other"})
	g.Suspend(43, true)
	m := newWorkspaceMutator(t, g.app(t), func(_ context.Context, workspaceID string) (int64, githubapp.Scope, error) {
		return map[string]int64{"a": installationID, "s": 43}[workspaceID], contentsRead, nil
	}, &githubapp.MutatorOptions{Name: "mine"})
	require.Equal(t, tokenprovider.Status{Name: "mine", State: tokenprovider.StateEmpty}, m.Status())
	g.workspaceToken(t, m, "a")
	require.Equal(t, tokenprovider.StateFresh, m.Status().State)
	_, _, err := m.WorkspaceToken(t.Context(), "s")
	require.Error(t, err)
	status := m.Status()
	require.Equal(t, tokenprovider.StateFailing, status.State)
	require.Equal(t, tokenprovider.CodeForbidden, status.LastErrorCode)
	require.Equal(t, "mine", status.Name)
	require.EqualValues(t, 1, status.Mints)
	require.NoError(t, m.ReleaseWorkspace(t.Context(), "s"))
	require.Equal(t, tokenprovider.StateFresh, m.Status().State)
}

func TestNoTokenOutlivesItsWorkspaceWhateverTheOrder(t *testing.T) {
	g := newGitHub(t, nil)
	m := newWorkspaceMutator(t, g.app(t), newTable().policy, nil)
	var mu sync.Mutex
	tokens := map[string]bool{}
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			for range 5 {
				workspaceID := []string{"a", "a2", "b"}[n%3]
				if n%2 == 0 {
					_ = m.ReleaseWorkspace(t.Context(), workspaceID)
					continue
				}
				token, _, err := m.WorkspaceToken(t.Context(), workspaceID)
				if err != nil {
					require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "%v", err)
					continue
				}
				mu.Lock()
				tokens[token] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for _, workspaceID := range []string{"a", "a2", "b"} {
		require.NoError(t, m.ReleaseWorkspace(t.Context(), workspaceID))
	}
	require.NotEmpty(t, tokens)
	for token := range tokens {
		require.False(t, g.alive(t, token))
	}
	require.Equal(t, tokenprovider.StateEmpty, m.Status().State)
}

func TestALateTokenThatCannotBeRevokedIsTriedAgain(t *testing.T) {
	g := newGitHub(t, nil)
	m := newWorkspaceMutator(t, g.app(t), newTable().policy, nil)
	g.Fail(githubapptest.Rule{Method: http.MethodPost, Times: 1, Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if err := m.ReleaseWorkspace(r.Context(), "a"); err != nil { // while its token is minted
			t.Error(err)
		}
		next.ServeHTTP(w, r)
	}})
	late := make(chan string, 1)
	g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.Edit(func(_ *http.Request, a *githubapptest.Answer) {
		var said struct{ Token string }
		if err := json.Unmarshal(a.Body, &said); err != nil {
			t.Error(err)
		}
		late <- said.Token
	})})
	stop := g.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: githubapptest.HTML(503)})
	_, _, err := m.WorkspaceToken(t.Context(), "a")
	require.ErrorContains(t, err, "was released while its token was minted")
	token := <-late
	g.output.Secret(token)
	require.True(t, g.alive(t, token))
	stop()
	require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
	require.False(t, g.alive(t, token))
}
