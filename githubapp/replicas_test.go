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

// spyStore is a store that remembers what went in, and fails or hangs when it is
// told to.
type spyStore struct {
	*tokenprovidertest.Store
	mu     sync.Mutex
	values [][]byte
	keys   map[string]bool
	calls  int
	fault  func(context.Context) error
}

func newSpyStore() *spyStore {
	return &spyStore{Store: tokenprovidertest.NewStore(), keys: map[string]bool{}}
}

func (s *spyStore) fail(fault func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.calls = fault, 0
}

func (s *spyStore) check(ctx context.Context, key string) error {
	s.mu.Lock()
	fault := s.fault
	s.keys[key] = true
	s.calls++
	s.mu.Unlock()
	if fault != nil {
		return fault(ctx)
	}
	return nil
}

func (s *spyStore) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *spyStore) Load(ctx context.Context, key string) ([]byte, error) {
	if err := s.check(ctx, key); err != nil {
		return nil, err
	}
	return s.Store.Load(ctx, key)
}

func (s *spyStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := s.check(ctx, key); err != nil {
		return false, err
	}
	s.mu.Lock()
	s.values = append(s.values, bytes.Clone(new))
	s.mu.Unlock()
	return s.Store.Swap(ctx, key, old, new, ttl)
}

var sealKey = bytes.Repeat([]byte{7}, 32)

// replica is an App on a store, as on one machine of several.
func (g *github) replica(t testing.TB, store tokenprovider.Store, changes ...func(*githubapp.Options)) *githubapp.App {
	t.Helper()
	share := func(o *githubapp.Options) { o.Store, o.SealKeys = store, [][]byte{sealKey} }
	return g.app(t, append([]func(*githubapp.Options){share}, changes...)...)
}

func TestOneReplicaMintsAndAllUseTheToken(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, two := g.replica(t, store), g.replica(t, store)
	var tokens []string
	for n, scope := range []githubapp.Scope{{}, contentsRead, widgets} {
		first, expiresAt := g.mint(t, one.Installation(installationID, scope))
		second, sameExpiry := g.mint(t, two.Installation(installationID, scope))
		require.Equal(t, first, second)
		require.WithinDuration(t, expiresAt, sameExpiry, 0)
		require.Equal(t, n+1, g.Mints(), "each scope has a token of its own")
		tokens = append(tokens, first)
	}
	require.NotEmpty(t, store.values)
	for _, value := range store.values {
		require.Empty(t, testutil.Leak(string(value), tokens...))
	}
	for key := range store.keys {
		require.True(t, strings.HasPrefix(key, "githubapp/token/") || strings.HasPrefix(key, "githubapp/revoked/"), key)
	}
}

func TestReplicasThatStartTogetherMintOnce(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true, Latency: time.Second})
		store := newSpyStore()
		var all sync.WaitGroup
		tokens := make([]string, 8)
		for n := range tokens {
			i := g.replica(t, store).Installation(installationID)
			all.Go(func() { tokens[n], _ = g.mint(t, i) })
		}
		all.Wait()
		for _, token := range tokens {
			require.Equal(t, tokens[0], token)
		}
		require.Equal(t, 1, g.Mints())
	})
}

func TestReplicasShareATokenAllDay(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		store := newSpyStore()
		var all []*githubapp.Installation
		for range 3 {
			all = append(all, g.replica(t, store).Installation(installationID))
		}
		for range 24 * 60 {
			for _, i := range all {
				_, expiresAt := g.mint(t, i)
				require.Greater(t, time.Until(expiresAt), 10*time.Minute-time.Second)
			}
			time.Sleep(time.Minute)
		}
		require.LessOrEqual(t, g.Mints(), 35, "one for all each 42 minutes at most")
	})
}

func TestReplicasOfOneAppAgreeWithAndWithoutTheClientID(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	token, _ := g.mint(t, g.replica(t, store).Installation(installationID))
	both := g.replica(t, store, func(o *githubapp.Options) { o.ClientID = "Iv1.0123456789abcdef" })
	same, _ := g.mint(t, both.Installation(installationID))
	require.Equal(t, token, same)
}

func TestATokenIsSharedByNobodyElse(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	token, _ := g.mint(t, g.replica(t, store).Installation(installationID))
	for name, change := range map[string]func(*githubapp.Options){
		"another issuer":   func(o *githubapp.Options) { o.AppID, o.ClientID = 0, "Iv1.0123456789abcdef" },
		"another host":     func(o *githubapp.Options) { o.BaseURL = strings.Replace(o.BaseURL, "127.0.0.1", "localhost", 1) },
		"another API":      func(o *githubapp.Options) { o.BaseURL += "/api/v3" },
		"another seal key": func(o *githubapp.Options) { o.SealKeys = [][]byte{bytes.Repeat([]byte{8}, 32)} },
	} {
		another, _ := g.mint(t, g.replica(t, store, change).Installation(installationID))
		require.NotEqual(t, token, another, name)
	}
}

func TestASealKeyIsRotatedWithoutAMint(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	keys := [][]byte{bytes.Clone(sealKey)}
	one := g.replica(t, store, func(o *githubapp.Options) { o.SealKeys = keys })
	clear(keys[0]) // it was copied
	token, _ := g.mint(t, one.Installation(installationID))
	two := g.replica(t, store, func(o *githubapp.Options) { o.SealKeys = [][]byte{bytes.Repeat([]byte{8}, 32), sealKey} })
	same, _ := g.mint(t, two.Installation(installationID))
	require.Equal(t, token, same)
}

func TestWhatIsDeadIsDroppedFromTheStore(t *testing.T) {
	for name, body := range map[string]string{
		"suspended":   `{"action":"suspend","installation":{"id":42}}`,
		"deleted":     `{"action":"deleted","installation":{"id":42}}`,
		"permissions": `{"action":"new_permissions_accepted","installation":{"id":42}}`,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			store := newSpyStore()
			one, two := g.replica(t, store), g.replica(t, store)
			token, _ := g.mint(t, one.Installation(installationID, widgets))
			// The replica that the delivery reaches has never been asked for it.
			require.Equal(t, http.StatusNoContent, deliver(receiver(t, two), delivery("installation", body)))
			fresh, _ := g.mint(t, two.Installation(installationID, widgets))
			require.NotEqual(t, token, fresh)
			same, _ := g.mint(t, g.replica(t, store).Installation(installationID, widgets))
			require.Equal(t, fresh, same, "the new one is shared")
		})
	}
	t.Run("a repository that was removed", func(t *testing.T) {
		g := newGitHub(t, nil)
		store := newSpyStore()
		one, two := g.replica(t, store), g.replica(t, store)
		token, _ := g.mint(t, one.Installation(installationID, widgets))
		g.mint(t, two.Installation(installationID, widgets))
		require.Equal(t, http.StatusNoContent, deliver(receiver(t, two), delivery("installation_repositories",
			`{"action":"removed","installation":{"id":42},"repositories_removed":[{"id":5,"name":"widgets"}]}`)))
		for range 2 {
			fresh, _ := g.mint(t, g.replica(t, store).Installation(installationID, widgets))
			require.NotEqual(t, token, fresh)
		}
	})
	t.Run("learnt by a mint", func(t *testing.T) {
		g := newGitHub(t, nil)
		store := newSpyStore()
		one, two := g.replica(t, store), g.replica(t, store)
		g.mint(t, one.Installation(installationID))
		held := two.Installation(installationID)
		g.mint(t, held)
		g.Suspend(installationID, true)
		require.Equal(t, tokenprovider.CodeForbidden, g.tokenError(t, two.Installation(installationID, widgets)).Code)
		require.Equal(t, tokenprovider.CodeForbidden, g.tokenError(t, held).Code)
		three := g.replica(t, store).Installation(installationID)
		require.Equal(t, tokenprovider.CodeForbidden, g.tokenError(t, three).Code, "it isn't in the Store any more")
	})
}

func TestAReplicaTakesWhatAnotherMintedWhileItHoldsARefusal(t *testing.T) {
	inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
		store := newSpyStore()
		one, two := g.replica(t, store), g.replica(t, store)
		own := func(app *githubapp.App) *githubapp.WorkspaceMutator {
			return newWorkspaceMutator(t, app, func(context.Context, string) (int64, githubapp.Scope, error) {
				return installationID, contentsRead, nil
			}, nil)
		}
		ofOne, ofTwo := own(one), own(two)
		tokens := func(app *githubapp.App, m *githubapp.WorkspaceMutator) (shared, its string, err error) {
			shared, _, err = app.Installation(installationID).Token(t.Context())
			its, _, itsErr := m.WorkspaceToken(t.Context(), "a")
			g.output.Secret(shared, its)
			return shared, its, errors.Join(err, itsErr)
		}
		g.Suspend(installationID, true)
		for began := time.Now(); time.Since(began) < 2*time.Hour; time.Sleep(10 * time.Second) {
			_, _, err := tokens(one, ofOne)
			require.Equal(t, tokenprovider.CodeForbidden, g.tokenError(t, one.Installation(installationID)).Code, "%v", err)
		}
		g.ForgetRequests()
		_, _, _ = tokens(one, ofOne)
		for len(g.Requests()) == 0 { // it has just asked, and won't for a quarter of an hour
			time.Sleep(time.Second)
			_, _, _ = tokens(one, ofOne)
		}
		g.ForgetRequests()
		time.Sleep(time.Second)
		g.Suspend(installationID, false)
		shared, its, err := tokens(two, ofTwo) // the webhook reached it
		require.NoError(t, err)
		require.Equal(t, 2, len(g.Requests()))
		time.Sleep(40 * time.Second)
		sameShared, sameIts, err := tokens(one, ofOne)
		require.NoError(t, err)
		require.Equal(t, shared, sameShared)
		require.Equal(t, its, sameIts)
		require.Len(t, g.Requests(), 2, "GitHub wasn't asked again")
	})
}

func TestARevokedTokenIsTakenFromTheStoreByNoReplica(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, two := g.replica(t, store), g.replica(t, store)
	token, _ := g.mint(t, one.Installation(installationID))
	require.NoError(t, two.Revoke(t.Context(), token)) // two doesn't hold it
	for range 2 {
		fresh, _ := g.mint(t, g.replica(t, store).Installation(installationID))
		require.NotEqual(t, token, fresh)
	}
	require.True(t, one.Installation(installationID).Invalidate(token), "at once, however young it is")
	fresh, _ := g.mint(t, one.Installation(installationID))
	require.NotEqual(t, token, fresh)
	require.Equal(t, 2, g.Mints())
}

func TestASharedTokenRevokedElsewhereIsGoneWithItsReport(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.opts.ShareTokens = true
		m := p.replica(t)
		token := p.start(t, m, "a")
		require.NoError(t, p.github.replica(t, p.store, func(o *githubapp.Options) {
			o.SealKeys = [][]byte{bytes.Repeat([]byte{1}, 32)}
		}).Revoke(t.Context(), token))
		require.True(t, m.Invalidate(token), "at once, however young it is")
		require.NotEqual(t, token, p.workspaceToken(t, m, "a"))
	})
}

func TestATokenRevokedElsewhereIsGoneWithTheNextRefresh(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	for _, down := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newGitHub(t, &githubapptest.Options{InMemory: true})
			store := newSpyStore()
			one, two := g.replica(t, store), g.replica(t, store)
			i := one.Installation(installationID)
			token, _ := g.mint(t, i)
			require.NoError(t, two.Revoke(t.Context(), token))
			same, _ := g.mint(t, i)
			require.Equal(t, token, same, "nobody has told it")
			if down {
				g.Fail(githubapptest.Rule{Fault: githubapptest.HTML(503)})
			}
			time.Sleep(46 * time.Minute)
			_, _, _ = i.Token(t.Context()) // begins the refresh
			time.Sleep(10 * time.Second)
			if down {
				require.Equal(t, tokenprovider.CodeUnavailable, g.tokenError(t, i).Code, "a dead token isn't served on")
				return
			}
			fresh, _ := g.mint(t, i)
			require.NotEqual(t, token, fresh)
		})
	}
}

func TestATokenThatIsRefusedIsTakenFromTheStoreByNoReplica(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		store := newSpyStore()
		one, two := g.replica(t, store), g.replica(t, store)
		token, _ := g.mint(t, one.Installation(installationID))
		time.Sleep(time.Minute)
		require.True(t, one.Installation(installationID).Invalidate(token))
		fresh, _ := g.mint(t, two.Installation(installationID))
		require.NotEqual(t, token, fresh)
		same, _ := g.mint(t, one.Installation(installationID))
		require.Equal(t, fresh, same)
		require.Equal(t, 2, g.Mints())
	})
}

func TestAStoreThatFailsCostsMintsAndNeverAnError(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	for name, c := range map[string]struct {
		fault func(context.Context) error
		most  time.Duration
	}{
		"down":   {func(context.Context) error { return errors.New("connection refused") }, 0},
		"panics": {func(context.Context) error { panic("ghs_secretsecretsecretsecret") }, 0},
		"hangs":  {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 6 * time.Second},
		"is deaf": {func(context.Context) error { time.Sleep(time.Minute); return errors.New("late") },
			6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGitHub(t, &githubapptest.Options{InMemory: true})
				g.output.Secret("ghs_secretsecretsecretsecret")
				store := newSpyStore()
				one, two := g.replica(t, store), g.replica(t, store)
				store.fail(c.fault)
				start := time.Now()
				a, _ := g.mint(t, one.Installation(installationID))
				require.LessOrEqual(t, time.Since(start), c.most)
				asked := store.asked()
				for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
					start := time.Now()
					for _, scope := range []githubapp.Scope{contentsRead, widgets} {
						g.mint(t, one.Installation(installationID, scope))
					}
					again, _ := g.mint(t, one.Installation(installationID))
					require.Equal(t, a, again)
					require.Zero(t, time.Since(start), "nobody waits for a store that failed a moment ago")
				}
				require.Equal(t, asked, store.asked())
				b, _ := g.mint(t, two.Installation(installationID))
				require.NotEqual(t, a, b)
				require.Equal(t, 4, g.Mints())
				require.Contains(t, g.output.String(), "token store failed")

				store.fail(nil)
				time.Sleep(2 * time.Minute)
				first, _ := g.mint(t, one.Installation(installationID, widgets, contentsRead))
				same, _ := g.mint(t, two.Installation(installationID, widgets, contentsRead))
				require.Equal(t, first, same, "when it is back it is used again")
			})
		})
	}
}

func TestAStoreThatHoldsNonsenseCostsAMint(t *testing.T) {
	inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
		store := newSpyStore()
		g.mint(t, g.replica(t, store).Installation(installationID))
		for key := range store.keys {
			for _, value := range []string{"x", "null", "[]", `[{"key":"x","sealed":"AQ==","expires_at":"2999-01-01T00:00:00Z"}]`} {
				old, err := store.Store.Load(t.Context(), key)
				require.NoError(t, err)
				swapped, err := store.Store.Swap(t.Context(), key, old, []byte(value), time.Hour)
				require.NoError(t, err)
				require.True(t, swapped)
				_, _, err = g.replica(t, store).Installation(installationID).Token(t.Context())
				require.NoError(t, err)
			}
		}
	})
}

func TestRequireNamesWhatIsNotGrantedAlsoWhenAnotherReplicaMinted(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	one, two := g.replica(t, store), g.replica(t, store)
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
		for range 20 {
			require.NotEqual(t, "ghs_2", get(two))
			time.Sleep(time.Second)
		}
		require.Equal(t, "ghs_3", get(two))
	})
}
