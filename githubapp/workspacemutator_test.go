package githubapp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
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

func TestTheStatusSaysHowManyWorkspacesFailOfHowMany(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "other"})
		p.Suspend(43, true)
		m := newWorkspaceMutator(t, p.app(t), func(_ context.Context, workspaceID string) (int64, githubapp.Scope, error) {
			if workspaceID == "s" {
				return 43, contentsRead, nil
			}
			return installationID, contentsRead, nil
		}, &githubapp.MutatorOptions{Name: "mine"})
		require.Equal(t, tokenprovider.Status{Name: "mine", State: tokenprovider.StateEmpty}, m.Status())
		for n := range 3 {
			p.start(t, m, fmt.Sprint(n))
		}
		status := m.Status()
		require.Equal(t, tokenprovider.StateFresh, status.State)
		require.Equal(t, []int{0, 3}, []int{status.Failing, status.Of})

		require.Error(t, m.MutateEnv(t.Context(), "s", map[string]string{}))
		status = m.Status()
		require.Equal(t, tokenprovider.StateFailing, status.State)
		require.Equal(t, tokenprovider.CodeForbidden, status.LastErrorCode)
		require.Equal(t, []int{1, 4}, []int{status.Failing, status.Of})
		require.EqualValues(t, 3, status.Mints)
		require.EqualValues(t, 1, status.Failures)

		require.NoError(t, m.ReleaseWorkspace(t.Context(), "s"))
		status = m.Status()
		require.Equal(t, tokenprovider.StateFresh, status.State)
		require.Equal(t, []int{0, 3}, []int{status.Failing, status.Of})

		time.Sleep(2 * time.Hour)
		require.Equal(t, 0, m.Status().Of, "who hasn't asked for an hour has no token that lives")
	})
}

func TestTheStatusHasCountsThatNeverGoDown(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.table.all = &widgets
		m := p.process(t)
		last := m.Status()
		for n := range 50 {
			workspaceID := fmt.Sprint(n)
			p.start(t, m, workspaceID)
			if n%5 == 0 {
				stop := p.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.HTML(http.StatusBadGateway)})
				require.Error(t, m.MutateEnv(t.Context(), workspaceID+" fails", map[string]string{}))
				stop()
				time.Sleep(2 * time.Minute)
			}
			if n >= 10 {
				require.NoError(t, m.ReleaseWorkspace(t.Context(), fmt.Sprint(n-10)))
			}
			now := m.Status()
			require.GreaterOrEqual(t, now.Mints, last.Mints)
			require.GreaterOrEqual(t, now.Failures, last.Failures)
			last = now
		}
		require.EqualValues(t, p.Mints(), last.Mints)
		require.EqualValues(t, 10, last.Failures)
	})
}

func TestWorkspacesThatNobodyReleasesAreLetGo(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	for name, shared := range map[string]bool{"with a store": true, "without a store": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := githubapp.Options{AppID: appID, PrivateKey: key, HTTPClient: &http.Client{Transport: roundTripper(canned)}}
				store := &switchedStore{Store: tokenprovidertest.NewStore()} // elsewhere
				if shared {
					opts.Store, opts.SealKeys = store, [][]byte{key[:32]}
				}
				app, err := githubapp.New(opts)
				require.NoError(t, err)
				m := newWorkspaceMutator(t, app, func(context.Context, string) (int64, githubapp.Scope, error) {
					return installationID, githubapp.Scope{}, nil
				}, nil)
				n := 0
				heapAfter := func(rounds int) int64 { // of ten minutes
					for range rounds {
						for range 40 {
							n++
							require.NoError(t, m.MutateEnv(t.Context(), fmt.Sprint("workspace-", n), map[string]string{}))
						}
						time.Sleep(10 * time.Minute)
						store.Store = tokenprovidertest.NewStore()
					}
					runtime.GC()
					runtime.GC()
					var s runtime.MemStats
					runtime.ReadMemStats(&s)
					return int64(s.HeapAlloc)
				}
				before := heapAfter(6 * 4)
				started := n
				grown := heapAfter(6*8) - before
				require.Less(t, grown/int64(n-started), int64(100), "bytes for each workspace that ever was")
				runtime.KeepAlive(m)
			})
		})
	}
}
