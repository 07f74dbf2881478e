package githubapp_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
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

// spyStore is a store that remembers what went in, and fails or hangs when it is told to.
type spyStore struct {
	tokenprovider.Store
	mu     sync.Mutex
	values [][]byte
	keys   []string
	fault  func() error
}

func newSpyStore() *spyStore { return &spyStore{Store: tokenprovidertest.NewStore()} }

func (s *spyStore) fail(fault func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *spyStore) check(key string) error {
	s.mu.Lock()
	fault := s.fault
	if !strings.HasSuffix(key, "/lock") {
		s.keys = append(s.keys, key)
	}
	s.mu.Unlock()
	if fault != nil {
		return fault()
	}
	return nil
}

func (s *spyStore) Load(ctx context.Context, key string) ([]byte, error) {
	if err := s.check(key); err != nil {
		return nil, err
	}
	return s.Store.Load(ctx, key)
}

func (s *spyStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := s.check(key); err != nil {
		return false, err
	}
	s.mu.Lock()
	s.values = append(s.values, bytes.Clone(new))
	s.mu.Unlock()
	return s.Store.Swap(ctx, key, old, new, ttl)
}

func (s *spyStore) Save(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := s.check(key); err != nil {
		return err
	}
	s.mu.Lock()
	s.values = append(s.values, bytes.Clone(value))
	s.mu.Unlock()
	return s.Store.Save(ctx, key, value, ttl)
}

func (s *spyStore) Delete(ctx context.Context, key string) error {
	if err := s.check(key); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func (s *spyStore) TryLock(ctx context.Context, key string, ttl time.Duration) (func(context.Context) error, bool, error) {
	if err := s.check(key); err != nil {
		return nil, false, err
	}
	return s.Store.TryLock(ctx, key, ttl)
}

var sealKey = bytes.Repeat([]byte{7}, 32)

// replicas are two Apps on one store, as on two machines.
func (g *github) replicas(t testing.TB, store tokenprovider.Store, changes ...func(*githubapp.Options)) (*githubapp.App, *githubapp.App) {
	t.Helper()
	share := func(o *githubapp.Options) { o.Store, o.SealKeys = store, [][]byte{sealKey} }
	changes = append([]func(*githubapp.Options){share}, changes...)
	return g.app(t, changes...), g.app(t, changes...)
}

func TestOneReplicaMintsAndAllUseTheToken(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, two := g.replicas(t, store)
	var tokens []string
	for n, scope := range []githubapp.Scope{{}, contentsRead, widgets} {
		first, expiresAt := g.mint(t, one.Installation(installationID, scope))
		second, sameExpiry := g.mint(t, two.Installation(installationID, scope))
		require.Equal(t, first, second)
		require.WithinDuration(t, expiresAt, sameExpiry, 0)
		require.Equal(t, n+1, g.Mints(), "each scope has a token of its own")
		tokens = append(tokens, first)
	}
	for _, value := range store.values {
		require.Empty(t, testutil.Leak(string(value), tokens...))
	}
	require.NotEmpty(t, store.values)
	for _, key := range store.keys {
		require.True(t, strings.HasPrefix(key, "githubapp/token/42/") || strings.HasPrefix(key, "githubapp/generation/42/"), key)
	}
}

func TestReplicasThatStartTogetherMintOnce(t *testing.T) {
	g := newGitHub(t, &githubapptest.Options{Latency: 200 * time.Millisecond}) // nobody has a token when the last one asks
	store := newSpyStore()
	replicas := make([]*githubapp.App, 8)
	for n := range replicas {
		replicas[n], _ = g.replicas(t, store)
	}
	tokens := make([]string, len(replicas))
	var all sync.WaitGroup
	for n, app := range replicas {
		all.Go(func() { tokens[n], _, _ = app.Installation(installationID).Token(t.Context()) })
	}
	all.Wait()
	for _, token := range tokens {
		require.Equal(t, tokens[0], token)
		g.output.Secret(token)
	}
	require.Equal(t, 1, g.Mints())
}

func TestATokenIsSharedByNobodyElse(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, _ := g.replicas(t, store)
	token, _ := g.mint(t, one.Installation(installationID))
	for name, change := range map[string]func(*githubapp.Options){
		"another issuer":   func(o *githubapp.Options) { o.AppID, o.ClientID = 0, "Iv1.0123456789abcdef" },
		"another host":     func(o *githubapp.Options) { o.BaseURL = strings.Replace(o.BaseURL, "127.0.0.1", "localhost", 1) },
		"another API":      func(o *githubapp.Options) { o.BaseURL += "/api/v3" },
		"another seal key": func(o *githubapp.Options) { o.SealKeys = [][]byte{bytes.Repeat([]byte{8}, 32)} },
	} {
		other, _ := g.replicas(t, store, change)
		another, _ := g.mint(t, other.Installation(installationID))
		require.NotEqual(t, token, another, name)
	}
}

func TestASealKeyIsRotatedWithoutAMint(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	keys := [][]byte{bytes.Clone(sealKey)}
	one := g.app(t, func(o *githubapp.Options) { o.Store, o.SealKeys = store, keys })
	clear(keys[0]) // it was copied
	token, _ := g.mint(t, one.Installation(installationID))
	two, _ := g.replicas(t, store, func(o *githubapp.Options) { o.SealKeys = [][]byte{bytes.Repeat([]byte{8}, 32), sealKey} })
	same, _ := g.mint(t, two.Installation(installationID))
	require.Equal(t, token, same)
}

func TestWhatIsDeadIsDroppedFromTheStoreByAnyReplica(t *testing.T) {
	for name, c := range map[string]struct {
		event, body string
		scope       githubapp.Scope
	}{
		"suspended":   {"installation", `{"action":"suspend","installation":{"id":42}}`, widgets},
		"deleted":     {"installation", `{"action":"deleted","installation":{"id":42}}`, githubapp.Scope{}},
		"permissions": {"installation", `{"action":"new_permissions_accepted","installation":{"id":42}}`, contentsRead},
		"repository removed": {"installation_repositories",
			`{"action":"removed","installation":{"id":42},"repositories_removed":[{"id":5,"name":"widgets"}]}`, widgets},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			store := newSpyStore()
			one, two := g.replicas(t, store)
			token, _ := g.mint(t, one.Installation(installationID, c.scope))
			// The replica that GitHub's delivery reaches has never been asked for that scope.
			require.Equal(t, http.StatusNoContent, deliver(receiver(t, two), delivery(c.event, c.body)))
			fresh, _ := g.mint(t, two.Installation(installationID, c.scope))
			require.NotEqual(t, token, fresh)
			three, _ := g.replicas(t, store)
			same, _ := g.mint(t, three.Installation(installationID, c.scope))
			require.Equal(t, fresh, same, "the new one is shared")
		})
	}
	t.Run("learnt by a mint", func(t *testing.T) {
		g := newGitHub(t, nil)
		one, two := g.replicas(t, newSpyStore())
		g.mint(t, one.Installation(installationID))
		g.Suspend(installationID, true)
		require.Equal(t, tokenprovider.CodeForbidden, g.tokenError(t, two.Installation(installationID, widgets)).Code)
		require.Equal(t, tokenprovider.CodeForbidden, g.tokenError(t, two.Installation(installationID)).Code, "the stored one isn't taken")
	})
	t.Run("revoked", func(t *testing.T) {
		g := newGitHub(t, nil)
		one, two := g.replicas(t, newSpyStore())
		token, _ := g.mint(t, one.Installation(installationID))
		require.NoError(t, one.Revoke(t.Context(), token))
		fresh, _ := g.mint(t, two.Installation(installationID))
		require.NotEqual(t, token, fresh)
	})
}

func TestATokenMintedDuringAChangeIsTakenByNoReplica(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.replicas(t, newSpyStore())
	i := one.Installation(installationID)
	var old string
	g.minted(t, 1, func(token string) {
		old = token
		deliver(receiver(t, one), delivery("installation", `{"action":"new_permissions_accepted","installation":{"id":42}}`))
		i.Invalidate("ghs_another") // looks into the store while the mint is under way
	})
	fresh, _ := g.mint(t, i)
	require.NotEqual(t, old, fresh)
	other, _ := g.mint(t, two.Installation(installationID))
	require.NotEqual(t, old, other)
}

func TestATokenThatIsRefusedIsTakenFromTheStoreByNoReplica(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.replicas(t, newSpyStore(), func(o *githubapp.Options) { o.Cache.Settle = -1 })
	token, _ := g.mint(t, one.Installation(installationID))
	require.True(t, one.Installation(installationID).Invalidate(token))
	fresh, _ := g.mint(t, two.Installation(installationID))
	require.NotEqual(t, token, fresh)
	same, _ := g.mint(t, one.Installation(installationID))
	require.Equal(t, fresh, same)
}

func TestAStoreThatFailsCostsMintsAndNothingElse(t *testing.T) {
	for name, fault := range map[string]func() error{
		"down":   func() error { return errors.New("connection refused") },
		"panics": func() error { panic("ghs_secretsecretsecretsecret") },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			g.output.Secret("ghs_secretsecretsecretsecret")
			store := newSpyStore()
			one, two := g.replicas(t, store)
			store.fail(fault)
			a, _ := g.mint(t, one.Installation(installationID))
			b, _ := g.mint(t, two.Installation(installationID))
			require.NotEqual(t, a, b)
			for range 10 {
				again, _ := g.mint(t, one.Installation(installationID))
				require.Equal(t, a, again)
			}
			require.Equal(t, 2, g.Mints())
			require.Contains(t, g.output.String(), "token store failed")

			// What this replica knows to be dead it doesn't take from the store either, once that is back.
			store.fail(nil)
			three, _ := g.replicas(t, store)
			stored, _ := g.mint(t, three.Installation(installationID, widgets))
			store.fail(fault)
			require.Equal(t, http.StatusNoContent, deliver(receiver(t, three),
				delivery("installation", `{"action":"suspend","installation":{"id":42}}`)))
			store.fail(nil)
			fresh, _ := g.mint(t, three.Installation(installationID, widgets))
			require.NotEqual(t, stored, fresh)
		})
	}
}

func TestAStoreThatHoldsNonsenseCostsAMint(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, _ := g.replicas(t, store)
	g.mint(t, one.Installation(installationID))
	for _, key := range store.keys {
		for _, value := range []string{"", "x", "null", "[]", `[{"key":"x","sealed":"AQ==","expires_at":"2999-01-01T00:00:00Z"}]`} {
			require.NoError(t, store.Store.Save(t.Context(), key, []byte(value), time.Hour))
			two, _ := g.replicas(t, store)
			g.mint(t, two.Installation(installationID))
		}
	}
}

func TestRequireNamesWhatIsNotGrantedAlsoWhenAnotherReplicaMinted(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.replicas(t, newSpyStore())
	g.mint(t, one.Installation(installationID))
	i := two.Installation(installationID)
	require.NoError(t, i.Require(t.Context(), map[string]string{"contents": "write"}))
	err := i.Require(t.Context(), map[string]string{"workflows": "write"})
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
	require.ErrorContains(t, err, "workflows: write (has none)")

	g.mint(t, one.Installation(installationID, contentsRead))
	narrowed := two.Installation(installationID, contentsRead)
	require.NoError(t, narrowed.Require(t.Context(), contentsRead.Permissions))
	require.Error(t, narrowed.Require(t.Context(), map[string]string{"contents": "write"}))
	require.Equal(t, 2, g.Mints())
}

func TestATokenOfTheStoreThatIsRevokedWhileItRipensIsNeverServed(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		mints := 0
		store := tokenprovidertest.NewStore()
		replica := func() (*githubapp.App, *githubapp.Installation) {
			app, err := githubapp.New(githubapp.Options{
				AppID: 7, PrivateKey: key, Store: store, SealKeys: [][]byte{sealKey},
				HTTPClient: &http.Client{Transport: minting(&mints)},
			})
			require.NoError(t, err)
			return app, app.Installation(installationID)
		}
		_, one := replica()
		app, two := replica()
		get := func(i *githubapp.Installation) string {
			token, _, err := i.Token(t.Context())
			require.NoError(t, err)
			synctest.Wait()
			return token
		}
		require.Equal(t, "ghs_1", get(one))
		require.Equal(t, "ghs_1", get(two))
		time.Sleep(46 * time.Minute)
		require.Equal(t, "ghs_1", get(one))
		require.Equal(t, "ghs_1", get(two))
		require.Equal(t, 2, mints)
		require.NoError(t, app.Revoke(t.Context(), "ghs_2"))
		require.Equal(t, "ghs_3", get(two))
	})
}

// deafStore answers each Load after a while, whether or not anybody still waits, from what is stored by then.
type deafStore struct {
	tokenprovider.Store
	answers time.Duration
}

func (s deafStore) Load(ctx context.Context, key string) ([]byte, error) {
	time.Sleep(s.answers)
	return s.Store.Load(context.WithoutCancel(ctx), key)
}

func TestALateStoreDoesNotMakeATokenYoungerThanItIs(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		forge := &tinyForge{}
		shared := tokenprovidertest.NewStore()
		one, _ := forge.mutator(t, key, deafStore{shared, 3 * time.Second}, 5*time.Second)
		two, _ := forge.mutator(t, key, shared, 0)
		var minting sync.WaitGroup
		minting.Go(func() {
			if _, _, err := one.Installation(installationID).Token(t.Context()); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(2500 * time.Millisecond) // it doesn't wait for the store any more
		deliver(receiver(t, two), delivery("installation", `{"action":"new_permissions_accepted","installation":{"id":42}}`))
		minting.Wait()
		token, _, err := two.Installation(installationID).Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, "ghs_2", token)
	})
}
