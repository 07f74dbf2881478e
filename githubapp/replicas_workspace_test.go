package githubapp_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
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

// mutators are WorkspaceMutators of two replicas, with one policy.
func (g *github) mutators(t testing.TB, store tokenprovider.Store, p *table, changes ...func(*githubapp.Options)) (one, two *githubapp.WorkspaceMutator) {
	t.Helper()
	a, b := g.replicas(t, store, changes...)
	return newWorkspaceMutator(t, a, p.policy, nil), newWorkspaceMutator(t, b, p.policy, nil)
}

func TestAWorkspaceHasOneTokenOfItsOwnOnAllReplicas(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.mutators(t, newSpyStore(), newTable())
	a := g.workspaceToken(t, one, "a")
	require.Equal(t, a, g.workspaceToken(t, two, "a"))
	require.NotEqual(t, a, g.workspaceToken(t, two, "a2"), "equal scopes share none, so that each can be released by itself")
	require.Equal(t, 2, g.Mints())
}

func TestAnyReplicaReleasesAWorkspace(t *testing.T) {
	g := newGitHub(t, nil)
	p := newTable()
	store := newSpyStore()
	one, two := g.mutators(t, store, p)
	a, a2 := g.workspaceToken(t, one, "a"), g.workspaceToken(t, one, "a2")
	p.set("a", nil)
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"), "also when the policy no longer knows the workspace, and this replica never did")
	require.False(t, g.alive(t, a))
	require.True(t, g.alive(t, a2))
	before := len(g.Requests())
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "never seen"))
	require.Len(t, g.Requests(), before, "what is revoked is forgotten")
	for _, value := range store.values {
		require.Empty(t, testutil.Leak(string(value), a, a2, "widgets"))
	}
}

func TestARestartGetsNoTokenThatAnotherReplicaRevoked(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.mutators(t, newSpyStore(), newTable())
	old := g.workspaceToken(t, one, "a")
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	env := map[string]string{}
	require.NoError(t, one.MutateEnv(t.Context(), "a", env)) // this replica holds the old one in memory
	g.output.Secret(env["GH_TOKEN"])
	require.NotEqual(t, old, env["GH_TOKEN"])
	require.True(t, g.alive(t, env["GH_TOKEN"]))
	require.Equal(t, env["GH_TOKEN"], g.workspaceToken(t, two, "a"))
}

func TestReleaseRevokesWhatTheWorkspaceWasGivenBefore(t *testing.T) {
	g := newGitHub(t, nil)
	p := newTable()
	one, two := g.mutators(t, newSpyStore(), p, func(o *githubapp.Options) { o.Cache.Settle = -1 })
	refused := g.workspaceToken(t, one, "a")
	require.True(t, one.Invalidate(refused))
	second := g.workspaceToken(t, one, "a")
	p.set("a", &contentsRead)
	other := g.workspaceToken(t, one, "a")
	require.NotEqual(t, second, other, "a token of the scope that the policy gave before isn't taken")
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	for _, token := range []string{refused, second, other} {
		require.False(t, g.alive(t, token))
	}
}

func TestATokenThatDiesWhileItsWorkspaceIsReleasedIsNoError(t *testing.T) {
	testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true, TokenLife: time.Minute})
		p := newTable()
		one, two := g.mutators(t, tokenprovidertest.NewStore(), p)
		g.workspaceToken(t, one, "a")
		time.Sleep(50 * time.Second)
		p.set("a", &contentsRead)
		second := g.workspaceToken(t, one, "a")
		time.Sleep(9 * time.Second)
		g.SetLatency(3 * time.Second) // the second is revoked first, and then the first is dead
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		g.SetLatency(0)
		require.False(t, g.alive(t, second))
	})
}

func TestATokenOfTheScopeThatThePolicyGivesAgainIsFoundAgain(t *testing.T) {
	g := newGitHub(t, nil)
	p := newTable()
	store := newSpyStore()
	one, two := g.mutators(t, store, p)
	first := g.workspaceToken(t, one, "a")
	p.set("a", &contentsRead)
	g.workspaceToken(t, one, "a")
	p.set("a", &widgets)
	require.Equal(t, first, g.workspaceToken(t, two, "a"))
	require.Equal(t, 2, g.Mints())
}

func TestARefusedTokenIsTakenByNoReplicaAndStillRevoked(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.mutators(t, newSpyStore(), newTable(), func(o *githubapp.Options) { o.Cache.Settle = -1 })
	token := g.workspaceToken(t, one, "a")
	require.True(t, one.Invalidate(token))
	fresh := g.workspaceToken(t, two, "a")
	require.NotEqual(t, token, fresh)
	require.Equal(t, fresh, g.workspaceToken(t, one, "a"))
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	require.False(t, g.alive(t, token))
	require.False(t, g.alive(t, fresh))
}

func TestAWriterOfTheStoreCannotSwapTheTokensOfWorkspaces(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, two := g.mutators(t, store, newTable())
	place := func(m *githubapp.WorkspaceMutator, workspaceID string) (string, string) {
		token := g.workspaceToken(t, m, workspaceID)
		for _, key := range slices.Backward(store.keys) {
			if strings.HasPrefix(key, "githubapp/workspace/") {
				return token, key
			}
		}
		t.Fatal("the workspace has no place in the store")
		return "", ""
	}
	a, from := place(one, "a")
	a2, to := place(one, "a2") // of the same scope
	value, err := store.Store.Load(t.Context(), from)
	require.NoError(t, err)
	require.NoError(t, store.Store.Save(t.Context(), to, value, time.Hour))
	require.NotContains(t, []string{a, a2}, g.workspaceToken(t, two, "a2"))
}

func TestWhatAnotherReplicaGaveAndCannotBeRevokedIsTriedAgain(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.mutators(t, newSpyStore(), newTable())
	token := g.workspaceToken(t, one, "a")
	stop := g.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: githubapptest.HTML(503)})
	require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(two.ReleaseWorkspace(t.Context(), "a")))
	require.NotEqual(t, token, g.workspaceToken(t, one, "a"), "it isn't handed out again")
	stop()
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	require.False(t, g.alive(t, token))
}

func TestAReleaseWithoutTheStoreFailsAndRevokesWhatIsKnown(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, two := g.mutators(t, store, newTable())
	a, b := g.workspaceToken(t, one, "a"), g.workspaceToken(t, two, "b")
	store.fail(func() error { return errors.New("connection refused") })
	require.Equal(t, a, g.workspaceToken(t, one, "a"), "a held token needs no store")
	require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(one.ReleaseWorkspace(t.Context(), "a")))
	require.False(t, g.alive(t, a))
	require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(one.ReleaseWorkspace(t.Context(), "b")))
	require.True(t, g.alive(t, b))
	store.fail(nil)
	require.NotEqual(t, a, g.workspaceToken(t, one, "a"), "the stored one is known to be dead")
	require.NoError(t, one.ReleaseWorkspace(t.Context(), "b"))
	require.False(t, g.alive(t, b))
}

func TestACallerWhoLeavesAReleaseMakesNobodyTakeTheStoreForDown(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.mutators(t, newSpyStore(), newTable())
	old := g.workspaceToken(t, one, "a")
	g.workspaceToken(t, one, "b")
	gone, leave := context.WithCancel(t.Context())
	leave()
	require.Error(t, one.ReleaseWorkspace(gone, "b"))
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	require.NotEqual(t, old, g.workspaceToken(t, one, "a"), "what another replica did is still looked up")
	require.NotContains(t, g.output.String(), "token store failed")
}

func TestATokenThatComesAfterAReleaseInAnOutageIsTakenByNobody(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, _ := g.mutators(t, store, newTable())
	g.workspaceToken(t, one, "a")
	store.fail(func() error { // the first that the next call asks: whether there was a release
		store.fail(func() error { return errors.New("connection refused") })
		if one.ReleaseWorkspace(context.Background(), "a") == nil {
			t.Error("the store is down")
		}
		store.fail(nil)
		return nil
	})
	var late string
	g.minted(t, 1, func(token string) { late = token })
	_, _, err := one.WorkspaceToken(t.Context(), "a")
	require.ErrorContains(t, err, "was released while its token was minted")
	require.False(t, g.alive(t, late))
	require.True(t, g.alive(t, g.workspaceToken(t, one, "a")))
}

func TestATokenThatCannotBeOpenedIsAnErrorOfTheRelease(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, _ := g.mutators(t, store, newTable())
	g.workspaceToken(t, one, "a")
	two, _ := g.mutators(t, store, newTable(), func(o *githubapp.Options) { o.SealKeys = [][]byte{make([]byte, 32)} })
	require.ErrorContains(t, two.ReleaseWorkspace(t.Context(), "a"), "can't be opened")
	require.NoError(t, one.ReleaseWorkspace(t.Context(), "a"), "who has the key can")
}

func TestMutatorsOfOneAppWithDifferentNamesKeepTheirTokensApart(t *testing.T) {
	g := newGitHub(t, nil)
	app, _ := g.replicas(t, newSpyStore())
	p := newTable()
	one := newWorkspaceMutator(t, app, p.policy, nil)
	two := newWorkspaceMutator(t, app, p.policy, &githubapp.MutatorOptions{Name: "other"})
	a, b := g.workspaceToken(t, one, "a"), g.workspaceToken(t, two, "a")
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	require.True(t, g.alive(t, a))
	require.False(t, g.alive(t, b))
}

// forgetfulStore takes what it is given and loses it.
type forgetfulStore struct{ tokenprovider.Store }

func (forgetfulStore) Load(context.Context, string) ([]byte, error) { return nil, nil }

func TestAStoreThatLosesWhatItIsGivenDoesNotTurnCallsIntoMints(t *testing.T) {
	g := newGitHub(t, nil)
	one, _ := g.mutators(t, forgetfulStore{tokenprovidertest.NewStore()}, newTable())
	for range 50 {
		g.workspaceToken(t, one, "a")
	}
	require.LessOrEqual(t, g.Mints(), 2)
}

// partStore fails where the keys begin with down.
type partStore struct {
	tokenprovider.Store
	down string
}

func (s *partStore) Load(ctx context.Context, key string) ([]byte, error) {
	if s.down != "" && strings.HasPrefix(key, s.down) {
		return nil, errors.New("connection refused")
	}
	return s.Store.Load(ctx, key)
}

func TestAStoreThatFailsInPartDoesNotTurnCallsIntoMints(t *testing.T) {
	g := newGitHub(t, nil)
	store := &partStore{Store: tokenprovidertest.NewStore()}
	one, two := g.mutators(t, store, newTable())
	old := g.workspaceToken(t, one, "a")
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	store.down = "githubapp/generation/"
	for range 20 {
		require.NotEqual(t, old, g.workspaceToken(t, one, "a"))
	}
	require.Equal(t, 2, g.Mints())
}

// hungStore gives no answer while it hangs, and doesn't heed its ctx.
type hungStore struct {
	tokenprovider.Store
	hangs atomic.Bool
	free  chan struct{}
}

func (s *hungStore) Load(ctx context.Context, key string) ([]byte, error) {
	if s.hangs.Load() {
		<-s.free
	}
	return s.Store.Load(ctx, key)
}

func TestAStoreThatHangsHoldsNobodyUpForLong(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		store := &hungStore{Store: tokenprovidertest.NewStore(), free: make(chan struct{})}
		defer close(store.free)
		app, err := githubapp.New(githubapp.Options{
			AppID: 7, PrivateKey: key, HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodDelete {
					return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
				}
				return canned(r)
			})}, Store: store, SealKeys: [][]byte{sealKey},
		})
		require.NoError(t, err)
		m := newWorkspaceMutator(t, app, func(context.Context, string) (int64, githubapp.Scope, error) {
			return installationID, githubapp.Scope{}, nil
		}, nil)
		takes := func(most time.Duration, f func()) {
			t.Helper()
			began := time.Now()
			f()
			require.LessOrEqual(t, time.Since(began), most)
		}
		get := func(workspaceID string) {
			_, _, err := m.WorkspaceToken(t.Context(), workspaceID)
			require.NoError(t, err)
		}
		get("a")
		store.hangs.Store(true)
		takes(time.Second, func() { get("a") })
		for range 100 {
			takes(0, func() { get("a") })
		}
		takes(3*time.Second, func() { get("b") })
		handler := receiver(t, app)
		takes(3*time.Second, func() {
			require.Equal(t, http.StatusNoContent, deliver(handler, delivery("installation", `{"action":"suspend","installation":{"id":42}}`)))
		})
		takes(8*time.Second, func() {
			require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(m.ReleaseWorkspace(t.Context(), "a")))
		})
		store.hangs.Store(false)
		require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
	})
}
