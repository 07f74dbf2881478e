package githubapp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
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

// waiting has replica one ask for a token of the workspace a, which runs, behind a
// mint of another's that takes ten seconds. It returns what it got when called.
func (p *platform) waiting(t *testing.T, one *githubapp.WorkspaceMutator) func() (string, error) {
	p.start(t, one, "a")
	time.Sleep(61 * time.Minute) // its token is dead
	p.Fail(githubapptest.Rule{Method: http.MethodPost, Times: 1, Fault: githubapptest.Delay(10 * time.Second)})
	var token string
	var err error
	var all sync.WaitGroup
	all.Go(func() { _ = one.MutateEnv(context.Background(), "a2", map[string]string{}) })
	time.Sleep(time.Second)
	all.Go(func() { token, _, err = one.WorkspaceToken(context.Background(), "a") })
	time.Sleep(time.Second)
	return func() (string, error) {
		all.Wait()
		p.output.Secret(token)
		return token, err
	}
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
