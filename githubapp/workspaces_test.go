package githubapp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
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

// platform is one in a bubble: GitHub, what its replicas share, and what each
// workspace may have.
type platform struct {
	*github
	*table
	store *switchedStore
	opts  githubapp.MutatorOptions
}

// switchedStore can be taken away.
type switchedStore struct {
	tokenprovider.Store
	away  atomic.Bool
	calls atomic.Int64
}

var errAway = errors.New("connection refused")

func (s *switchedStore) Load(ctx context.Context, key string) ([]byte, error) {
	s.calls.Add(1)
	if s.away.Load() {
		return nil, errAway
	}
	return s.Store.Load(ctx, key)
}

func (s *switchedStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.calls.Add(1)
	if s.away.Load() {
		return false, errAway
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// onPlatform runs f with a platform whose time is the bubble's.
func onPlatform(t *testing.T, f func(t *testing.T, p *platform)) {
	t.Helper()
	testutil.RSAKeyPEM(t, 0) // generated outside, once
	synctest.Test(t, func(t *testing.T) {
		f(t, &platform{
			github: newGitHub(t, &githubapptest.Options{InMemory: true}), table: newTable(),
			store: &switchedStore{Store: tokenprovidertest.NewStore()},
		})
	})
}

// withAndWithoutAStore runs f in a bubble each, with two replicas and with the
// one that there can be without a Store.
func withAndWithoutAStore(t *testing.T, f func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator)) {
	t.Run("with a store", func(t *testing.T) {
		onPlatform(t, func(t *testing.T, p *platform) { f(t, p, p.replica(t), p.replica(t)) })
	})
	t.Run("without a store", func(t *testing.T) {
		onPlatform(t, func(t *testing.T, p *platform) {
			only := p.process(t)
			f(t, p, only, only)
		})
	})
}

// replica returns the mutator of another process that shares the Store.
func (p *platform) replica(t testing.TB, changes ...func(*githubapp.Options)) *githubapp.WorkspaceMutator {
	t.Helper()
	shares := func(o *githubapp.Options) { o.Store, o.SealKeys = p.store, [][]byte{bytes.Repeat([]byte{1}, 32)} }
	return p.process(t, append([]func(*githubapp.Options){shares}, changes...)...)
}

// process returns the mutator of another process, which shares nothing.
func (p *platform) process(t testing.TB, changes ...func(*githubapp.Options)) *githubapp.WorkspaceMutator {
	t.Helper()
	return newWorkspaceMutator(t, p.app(t, changes...), p.policy, &p.opts)
}

// start starts a workspace and returns the token that is injected.
func (p *platform) start(t testing.TB, m *githubapp.WorkspaceMutator, workspaceID string) string {
	t.Helper()
	env := map[string]string{}
	require.NoError(t, m.MutateEnv(t.Context(), workspaceID, env))
	p.output.Secret(env["GH_TOKEN"])
	return env["GH_TOKEN"]
}

// requireDead requires that GitHub takes none of the tokens any more.
func (p *platform) requireDead(t testing.TB, tokens ...string) {
	t.Helper()
	for n, token := range tokens {
		require.NotEmpty(t, token)
		require.False(t, p.alive(t, token), "token %d of %d lives", n+1, len(tokens))
	}
}

// requireRefused requires that the workspace gets nothing, as it was released.
func requireRefused(t testing.TB, m *githubapp.WorkspaceMutator, workspaceID string) {
	t.Helper()
	token, _, err := m.WorkspaceToken(t.Context(), workspaceID)
	require.Empty(t, token)
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, `workspace "`+workspaceID+`": the workspace was released`)
}

// atMint has f called with the next token, before the answer goes out.
func (p *platform) atMint(t testing.TB, f func(token string)) {
	p.Fail(githubapptest.Rule{Method: http.MethodPost, Times: 1,
		Fault: githubapptest.Edit(func(_ *http.Request, a *githubapptest.Answer) {
			var said struct{ Token string }
			if err := json.Unmarshal(a.Body, &said); err != nil {
				t.Error(err)
			}
			p.output.Secret(said.Token)
			f(said.Token)
		})})
}

func TestEachWorkspaceHasATokenOfItsOwn(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		life := func(a, a2 string) {
			t.Helper()
			require.NotEqual(t, a, a2, "of the same scope")
			require.Equal(t, a, p.workspaceToken(t, two, "a"), "its replicas share it")
			require.Equal(t, a2, p.workspaceToken(t, two, "a2"))
			require.True(t, p.alive(t, a))
			require.True(t, p.alive(t, a2))
		}
		a, a2 := p.start(t, one, "a"), p.start(t, one, "a2")
		life(a, a2)
		require.Equal(t, 2, p.Mints())
		for range 3 { // lives of a token
			time.Sleep(46 * time.Minute)
			p.workspaceToken(t, one, "a")
			p.workspaceToken(t, one, "a2")
			time.Sleep(10 * time.Second) // the refresh has settled
			fresh, fresh2 := p.workspaceToken(t, one, "a"), p.workspaceToken(t, one, "a2")
			require.NotContains(t, []string{a, a2}, fresh)
			require.NotContains(t, []string{a, a2}, fresh2)
			a, a2 = fresh, fresh2
			p.workspaceToken(t, two, "a")
			p.workspaceToken(t, two, "a2")
			time.Sleep(10 * time.Second)
			life(a, a2)
		}
		require.Equal(t, 8, p.Mints(), "one mint a life and workspace, for all replicas")
	})
}

func TestAWorkspaceThatKillsItsTokenHurtsNoOther(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		victim := p.start(t, one, "a")
		for range 10 {
			p.RevokeToken(p.workspaceToken(t, one, "a2"))
			require.Equal(t, victim, p.workspaceToken(t, two, "a"))
			time.Sleep(time.Minute)
		}
		require.True(t, p.alive(t, victim))
	})
}

func TestSharedTokensAreOneMintForAFleet(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.opts.ShareTokens = true
		p.table.all = &widgets
		alone, mutators := p.process(t), []*githubapp.WorkspaceMutator{p.replica(t), p.replica(t)}
		token, other := p.start(t, mutators[0], "0"), p.start(t, alone, "0")
		for n := range 600 {
			require.Equal(t, token, p.workspaceToken(t, mutators[n%2], fmt.Sprint(n)))
			require.Equal(t, other, p.workspaceToken(t, alone, fmt.Sprint(n)))
		}
		require.Equal(t, 2, p.Mints(), "the process without the Store has its own")
		for _, m := range append(mutators, alone) {
			require.NoError(t, m.ReleaseWorkspace(t.Context(), "0"))
			require.NoError(t, m.ReleaseWorkspace(t.Context(), "never seen"))
			p.workspaceToken(t, m, "0") // Admit alone refuses it
			require.Equal(t, 1, m.Status().Of, "it is one token")
		}
		require.True(t, p.alive(t, token), "others have it")
		require.True(t, p.alive(t, other))
	})
}

func TestSharedTokensCostAMintForEachScopeAndLife(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		const scopes, hours = 10, 12
		p.opts.ShareTokens = true
		m := newWorkspaceMutator(t, p.app(t), func(_ context.Context, workspaceID string) (int64, githubapp.Scope, error) {
			var n int
			_, err := fmt.Sscan(workspaceID, &n)
			return int64(100 + n%scopes), widgets, err
		}, &p.opts)
		for n := range scopes {
			p.AddInstallation(githubapptest.Installation{ID: int64(100 + n), AppID: appID, Account: fmt.Sprint("org-", n),
				Repositories: []string{fmt.Sprintf("org-%d/widgets", n)}})
		}
		for range hours * 60 {
			for n := range 3 * scopes {
				p.workspaceToken(t, m, fmt.Sprint(n))
			}
			time.Sleep(time.Minute)
		}
		require.LessOrEqual(t, float64(p.Mints()-scopes), 1.4*scopes*hours, "beside the first of each")
		require.Equal(t, scopes, m.Status().Of)
	})
}

func TestMutatorsOfDifferentNamesKeepTokensApart(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one := p.replica(t)
		p.opts.Name = "another"
		two := p.replica(t)
		a, other := p.start(t, one, "a"), p.start(t, two, "a")
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, other)
		require.True(t, p.alive(t, a))
		require.Equal(t, a, p.workspaceToken(t, one, "a"))
	})
}

func TestAReplicaThatLearntTheClientIDIsOfTheSameApp(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		before := p.replica(t)
		after := p.replica(t, func(o *githubapp.Options) { o.ClientID = "Iv1.0123456789abcdef" })
		token := p.start(t, before, "a")
		require.Equal(t, token, p.workspaceToken(t, after, "a"))
		require.NoError(t, after.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, token)
	})
}

func TestASuspendedInstallationIsAskedForOnceForAll(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		const workspaces = 50
		for n := range workspaces { // each a scope of its own
			p.set(fmt.Sprint(n), &githubapp.Scope{Permissions: contentsRead.Permissions, RepositoryIDs: []int64{int64(1 + n)}})
		}
		m := p.replica(t)
		p.Suspend(installationID, true)
		for range 6 * 60 { // an hour
			for n := range workspaces {
				_, _, err := m.WorkspaceToken(t.Context(), fmt.Sprint(n))
				require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "%v", err)
			}
			time.Sleep(10 * time.Second)
		}
		require.LessOrEqual(t, len(p.Requests()), 10)
	})
}

// prefixed is a Store in a part of another one.
type prefixed struct {
	tokenprovider.Store
	prefix string
}

func (s prefixed) Load(ctx context.Context, key string) ([]byte, error) {
	return s.Store.Load(ctx, s.prefix+key)
}

func (s prefixed) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	return s.Store.Swap(ctx, s.prefix+key, old, new, ttl)
}

// copies keeps what was swapped in last.
type copies struct {
	tokenprovider.Store
	key   string
	value []byte
}

func (s *copies) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.key, s.value = key, new
	return s.Store.Swap(ctx, key, old, new, ttl)
}
