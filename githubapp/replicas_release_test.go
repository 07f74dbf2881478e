package githubapp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
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

// minted has f called with each token that the server mints, before the answer goes out.
func (g *github) minted(t testing.TB, times int, f func(token string)) {
	g.Fail(githubapptest.Rule{Method: http.MethodPost, Times: times, Fault: githubapptest.Edit(func(_ *http.Request, a *githubapptest.Answer) {
		var said struct{ Token string }
		if err := json.Unmarshal(a.Body, &said); err != nil {
			t.Error(err)
		}
		g.output.Secret(said.Token)
		f(said.Token)
	})})
}

func TestATokenMintedElsewhereDuringAReleaseIsRevoked(t *testing.T) {
	for name, store := range map[string]*spyStore{"a sound store": newSpyStore(), "one that failed a moment ago": newSpyStore()} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			one, two := g.mutators(t, store, newTable())
			if strings.Contains(name, "failed") {
				store.fail(func() error { return errors.New("connection refused") })
				require.Error(t, one.ReleaseWorkspace(t.Context(), "b"))
				require.Error(t, two.ReleaseWorkspace(t.Context(), "b"))
				store.fail(nil)
			}
			var late string
			g.minted(t, 1, func(token string) {
				late = token
				if err := two.ReleaseWorkspace(context.Background(), "a"); err != nil {
					t.Error(err)
				}
			})
			_, _, err := one.WorkspaceToken(t.Context(), "a")
			require.ErrorContains(t, err, "was released while its token was minted")
			require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
			require.False(t, g.alive(t, late))

			require.True(t, g.alive(t, g.workspaceToken(t, one, "a")), "a workspace that starts anew waits for nothing")
		})
	}
}

func TestATokenThatCouldNotBeRevokedIsKnownToTheNextRelease(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.mutators(t, newSpyStore(), newTable())
	stop := g.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: githubapptest.HTML(503)})
	var late string
	g.minted(t, 1, func(token string) {
		late = token
		if err := two.ReleaseWorkspace(context.Background(), "a"); err != nil {
			t.Error(err)
		}
	})
	_, _, err := one.WorkspaceToken(t.Context(), "a")
	require.ErrorContains(t, err, "couldn't be revoked; release it again")
	require.True(t, g.alive(t, late))
	stop()
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	require.False(t, g.alive(t, late))
}

// TestARestartDoesNotShareTheMintThatItsReleaseEnded: programs of the workspace had a token on its way
// when that was released. Who comes after the release waits for the same mint, and then gets a token of another one.
func TestARestartDoesNotShareTheMintThatItsReleaseEnded(t *testing.T) {
	for _, held := range []bool{false, true} {
		for _, restarts := range []bool{false, true} {
			for _, by := range []string{"the same replica", "another replica"} {
				t.Run(fmt.Sprintf("held a token: %t, restarts: %t, released by %s", held, restarts, by), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						g := newGitHub(t, &githubapptest.Options{InMemory: true})
						one, two := g.mutators(t, newSpyStore(), newTable())
						if held {
							token := g.workspaceToken(t, one, "a")
							time.Sleep(time.Minute)
							require.True(t, one.Invalidate(token))
						}
						var callers sync.WaitGroup
						ask := func(check func(token string, err error)) {
							callers.Go(func() {
								token, _, err := one.WorkspaceToken(context.Background(), "a")
								g.output.Secret(token)
								check(token, err)
							})
						}
						before := func(_ string, err error) {
							if tokenprovider.CodeOf(err) != tokenprovider.CodeForbidden {
								t.Errorf("who asked before the release got a token, or %v", err)
							}
						}
						var late, fresh string
						g.minted(t, 1, func(token string) {
							late = token
							for range 4 {
								ask(before)
							}
							time.Sleep(time.Second)
							releaser := one
							if by == "another replica" {
								releaser = two
							}
							if err := releaser.ReleaseWorkspace(context.Background(), "a"); err != nil {
								t.Error(err)
							}
							if restarts {
								ask(func(token string, err error) {
									if fresh = token; err != nil {
										t.Errorf("a workspace that was started again got no token: %v", err)
									}
								})
							}
							time.Sleep(time.Second)
						})
						ask(before)
						callers.Wait()
						require.False(t, g.alive(t, late))
						if restarts {
							require.NotEqual(t, late, fresh)
							require.True(t, g.alive(t, fresh))
						}
					})
				})
			}
		}
	}
}

func TestWhoAskedBeforeAReleaseGetsNoTokenOfAMintThatBeganAfterIt(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	for name, released := range map[string]int{"a mint of another replica": 1, "a mint that an earlier release ended": 2} {
		t.Run("who waited for "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := tokenprovidertest.NewStore()
				forge := &tinyForge{}
				_, one := forge.mutator(t, key, store, 8*time.Second)
				_, two := forge.mutator(t, key, store, 0)
				_, three := forge.mutator(t, key, store, 0)
				var callers sync.WaitGroup
				ask := func(m *githubapp.WorkspaceMutator) {
					callers.Go(func() {
						if _, _, err := m.WorkspaceToken(context.Background(), "a"); tokenprovider.CodeOf(err) != tokenprovider.CodeForbidden {
							t.Errorf("a workspace that was released got a token, or %v", err)
						}
					})
					time.Sleep(time.Second)
				}
				ask(one)
				if released == 2 {
					require.NoError(t, three.ReleaseWorkspace(t.Context(), "a"))
					ask(one)
				} else {
					ask(two)
				}
				require.NoError(t, three.ReleaseWorkspace(t.Context(), "a"))
				callers.Wait()
				require.True(t, forge.revoked["ghs_1"])
				if released == 2 {
					require.Equal(t, 1, forge.minted, "nobody is left for another one")
				}
			})
		})
	}
}

func TestARestartGetsATokenThoughTheLateOneCannotBeRevoked(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		forge := &tinyForge{}
		_, two := forge.mutator(t, key, store, 0)
		_, one := mutatorOver(t, key, store, &http.Client{Timeout: 4 * time.Second, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodDelete { // it hangs
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			time.Sleep(3 * time.Second)
			return forge.RoundTrip(r)
		})})
		var first sync.WaitGroup
		first.Go(func() { _, _, _ = one.WorkspaceToken(context.Background(), "a") })
		time.Sleep(time.Second)
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		fresh, _, err := one.WorkspaceToken(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "ghs_2", fresh)
		first.Wait()
	})
}

// emptiedStore has lost the marks of workspaces, once it forgets.
type emptiedStore struct {
	tokenprovider.Store
	forgets atomic.Bool
}

func (s *emptiedStore) Load(ctx context.Context, key string) ([]byte, error) {
	if s.forgets.Load() && strings.HasPrefix(key, "githubapp/release/") {
		return nil, nil
	}
	return s.Store.Load(ctx, key)
}

func TestAStoreThatIsStartedAgainEmptyReleasesNoWorkspace(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	for name, asked := range map[string]int{"one asked": 1, "two asked": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &emptiedStore{Store: tokenprovidertest.NewStore()}
				forge := &tinyForge{}
				_, one := forge.mutator(t, key, store, 8*time.Second)
				require.NoError(t, one.ReleaseWorkspace(t.Context(), "a")) // it had a life before
				var callers sync.WaitGroup
				for range asked {
					callers.Go(func() {
						if _, _, err := one.WorkspaceToken(context.Background(), "a"); err != nil {
							t.Error(err)
						}
					})
					time.Sleep(time.Second)
				}
				store.forgets.Store(true)
				callers.Wait()
				_, _, err := one.WorkspaceToken(t.Context(), "a")
				require.NoError(t, err)
				require.Equal(t, 1, forge.minted)
				require.Empty(t, forge.revoked)
			})
		})
	}
}

// lookStore takes its time for a look at a workspace's mark.
type lookStore struct {
	tokenprovider.Store
	takes func() time.Duration
}

func (s *lookStore) Load(ctx context.Context, key string) ([]byte, error) {
	if strings.HasPrefix(key, "githubapp/release/") {
		time.Sleep(s.takes())
	}
	return s.Store.Load(ctx, key)
}

func TestARestartGetsNoDeadTokenWhenARefreshEndsMeanwhile(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		forge := &tinyForge{}
		_, one := forge.mutator(t, key, &lookStore{store, func() time.Duration { return 400 * time.Millisecond }}, time.Second)
		_, two := forge.mutator(t, key, store, 0)
		_, _, err := one.WorkspaceToken(t.Context(), "a")
		require.NoError(t, err)
		time.Sleep(46 * time.Minute)
		_, _, err = one.WorkspaceToken(t.Context(), "a") // a refresh begins in the background
		require.NoError(t, err)
		time.Sleep(1600 * time.Millisecond) // it ends while the next call looks
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		fresh, _, err := one.WorkspaceToken(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, map[string]bool{"ghs_1": true, "ghs_2": true}, forge.revoked)
		require.Equal(t, "ghs_3", fresh)
	})
}

func TestAFailingMintIsNotRepeatedForEachRestart(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	for name, ended := range map[string]bool{"a token was held": false, "a mint was under way": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := tokenprovidertest.NewStore()
				var looks atomic.Int64
				uneven := &lookStore{store, func() time.Duration { return time.Duration(looks.Add(1)*89%400) * time.Millisecond }}
				forge := &tinyForge{}
				var mints atomic.Int64
				_, one := mutatorOver(t, key, uneven, &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodPost {
						if mints.Add(1) > 1 {
							return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{}`))}, nil
						}
						time.Sleep(2 * time.Second)
					}
					return forge.RoundTrip(r)
				})})
				_, two := forge.mutator(t, key, store, 0)
				var callers sync.WaitGroup
				callers.Go(func() { _, _, _ = one.WorkspaceToken(context.Background(), "a") })
				if !ended {
					callers.Wait()
				}
				time.Sleep(time.Second)
				require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
				for range 300 {
					callers.Go(func() { _, _, _ = one.WorkspaceToken(context.Background(), "a") })
				}
				callers.Wait()
				require.EqualValues(t, 2, mints.Load())
			})
		})
	}
}

func TestAReleaseLosesNoTokenMintedWhileItRevokes(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.mutators(t, newSpyStore(), newTable())
	old := g.workspaceToken(t, one, "a")
	var fresh string
	g.Fail(githubapptest.Rule{Method: http.MethodDelete, Times: 1, Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		var err error
		if fresh, _, err = one.WorkspaceToken(context.Background(), "a"); err != nil { // it starts anew, while this takes its time
			t.Error(err)
		}
		g.output.Secret(fresh)
		next.ServeHTTP(w, r)
	}})
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	require.NotEqual(t, old, fresh)
	require.False(t, g.alive(t, old))
	require.True(t, g.alive(t, fresh))
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	require.False(t, g.alive(t, fresh))
}

func TestAWorkspaceThatReportsEachTokenKeepsNoneAfterItsRelease(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.mutators(t, newSpyStore(), newTable(), func(o *githubapp.Options) { o.Cache.Settle = -1 })
	var tokens []string
	for range 50 {
		tokens = append(tokens, g.workspaceToken(t, one, "a"))
		require.True(t, one.Invalidate(tokens[len(tokens)-1]))
	}
	require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
	for _, token := range tokens {
		require.False(t, g.alive(t, token))
	}
}

func TestAReportOfARefusedTokenLooksAtNoOtherWorkspacesPlace(t *testing.T) {
	g := newGitHub(t, nil)
	store := newSpyStore()
	app, _ := g.replicas(t, store, func(o *githubapp.Options) { o.Cache.Settle = -1 })
	m := newWorkspaceMutator(t, app, func(context.Context, string) (int64, githubapp.Scope, error) {
		return installationID, widgets, nil
	}, nil)
	var refused string
	for n := range 20 {
		refused = g.workspaceToken(t, m, fmt.Sprint(n))
	}
	before := len(store.keys)
	require.False(t, m.Invalidate("ghs_another"))
	require.Len(t, store.keys, before)
	require.True(t, m.Invalidate(refused))
	places := map[string]bool{}
	for _, key := range store.keys[before:] {
		if strings.HasPrefix(key, "githubapp/workspace/") {
			places[strings.TrimSuffix(key, "/list")] = true
		}
	}
	require.Len(t, places, 1)
	require.NotEqual(t, refused, g.workspaceToken(t, m, "19"))
}

func TestAReleaseOpensWhatIsStoredWhateverLifeItsCallerWishesFor(t *testing.T) {
	g := newGitHub(t, nil)
	one, two := g.mutators(t, newSpyStore(), newTable())
	token := g.workspaceToken(t, one, "a")
	require.NoError(t, two.ReleaseWorkspace(tokenprovider.WithMinTTL(t.Context(), 2*time.Hour), "a"))
	require.False(t, g.alive(t, token))
}

// tinyForge mints ghs_1, ghs_2 and so on, in a bubble, and remembers which were revoked.
type tinyForge struct {
	mu      sync.Mutex
	minted  int
	revoked map[string]bool
	refuses int // the status of each mint; 0: it is granted
}

func (f *tinyForge) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	switch {
	case r.Method == http.MethodDelete:
		if f.revoked == nil {
			f.revoked = map[string]bool{}
		}
		f.revoked[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] = true
		return answer(http.StatusNoContent, "")
	case f.refuses != 0:
		return answer(f.refuses, `{"message":"Not Found"}`)
	}
	f.minted++
	return answer(http.StatusCreated, fmt.Sprintf(`{"token":"ghs_%d","expires_at":"%s"}`, f.minted, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
}

// mutator is one of a replica in a bubble, whose requests take a while and whose policy allows everything.
func (f *tinyForge) mutator(t *testing.T, key []byte, store tokenprovider.Store, takes time.Duration) (*githubapp.App, *githubapp.WorkspaceMutator) {
	return mutatorOver(t, key, store, &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		time.Sleep(takes)
		return f.RoundTrip(r)
	})})
}

// mutatorOver is a replica that reaches GitHub by client, and its mutator, which narrows nothing.
func mutatorOver(t *testing.T, key []byte, store tokenprovider.Store, client *http.Client) (*githubapp.App, *githubapp.WorkspaceMutator) {
	app, err := githubapp.New(githubapp.Options{
		AppID: 7, PrivateKey: key, Store: store, SealKeys: [][]byte{sealKey}, HTTPClient: client,
	})
	require.NoError(t, err)
	return app, newWorkspaceMutator(t, app, func(context.Context, string) (int64, githubapp.Scope, error) {
		return installationID, githubapp.Scope{}, nil
	}, nil)
}

// narrowed is a mutator of another replica whose policy gives another scope, so another token.
func (f *tinyForge) narrowed(t *testing.T, key []byte, store tokenprovider.Store) *githubapp.WorkspaceMutator {
	app, _ := f.mutator(t, key, store, 0)
	return newWorkspaceMutator(t, app, func(context.Context, string) (int64, githubapp.Scope, error) {
		return installationID, widgets, nil
	}, nil)
}

// gatedStore does something before the first change of a value, once it is armed.
type gatedStore struct {
	tokenprovider.Store
	armed sync.Once
	gate  func()
}

func (s *gatedStore) Save(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if s.gate != nil && strings.HasPrefix(key, "githubapp/workspace/") {
		s.armed.Do(s.gate)
	}
	return s.Store.Save(ctx, key, value, ttl)
}

func TestATokenSavedWhileAnotherIsTakenOutOfUseIsRevoked(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		shared := tokenprovidertest.NewStore()
		slow := &gatedStore{Store: shared}
		forge := &tinyForge{}
		_, one := forge.mutator(t, key, slow, 0)
		_, two := forge.mutator(t, key, shared, 0)
		three := forge.narrowed(t, key, shared)
		first, _, err := one.WorkspaceToken(t.Context(), "a")
		require.NoError(t, err)
		time.Sleep(time.Minute)
		var minting sync.WaitGroup
		slow.gate = func() { // between the look at the list and its change
			minting.Go(func() {
				if _, _, err := three.WorkspaceToken(context.Background(), "a"); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(300 * time.Millisecond)
		}
		require.True(t, one.Invalidate(first))
		minting.Wait()
		require.Equal(t, 2, forge.minted)
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		require.Equal(t, map[string]bool{"ghs_1": true, "ghs_2": true}, forge.revoked)
	})
}

func TestAMintThatTakesLongerThanItsLockLosesNoToken(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		shared := tokenprovidertest.NewStore()
		forge := &tinyForge{}
		slow := &gatedStore{Store: shared, gate: func() { time.Sleep(300 * time.Millisecond) }}
		_, one := forge.mutator(t, key, slow, 14*time.Second)
		_, two := forge.mutator(t, key, shared, 4100*time.Millisecond) // once it has waited for ten seconds
		var both sync.WaitGroup
		for _, m := range []*githubapp.WorkspaceMutator{one, two} {
			both.Go(func() {
				if _, _, err := m.WorkspaceToken(t.Context(), "a"); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		both.Wait()
		_, three := forge.mutator(t, key, shared, 0)
		require.NoError(t, three.ReleaseWorkspace(t.Context(), "a"))
		require.Equal(t, map[string]bool{"ghs_1": true, "ghs_2": true}, forge.revoked)
	})
}

func TestAWorkspaceThatAnotherReplicaReleasedIsForgottenInTime(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		forge := &tinyForge{refuses: http.StatusNotFound}
		_, one := forge.mutator(t, key, store, 0)
		_, two := forge.mutator(t, key, store, 0)
		_, _, err := one.WorkspaceToken(t.Context(), "a")
		require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
		require.Equal(t, tokenprovider.StateFailing, one.Status().State)
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		time.Sleep(61 * time.Minute)
		require.Equal(t, tokenprovider.StateEmpty, one.Status().State)

		forge.refuses = 0
		for range 3 { // one that is in use stays
			_, _, err = one.WorkspaceToken(t.Context(), "b")
			require.NoError(t, err)
			time.Sleep(50 * time.Minute)
			require.NotEqual(t, tokenprovider.StateEmpty, one.Status().State)
		}
	})
}

// slowStore answers after a while.
type slowStore struct{ tokenprovider.Store }

func (s slowStore) Save(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	time.Sleep(1900 * time.Millisecond)
	return s.Store.Save(ctx, key, value, ttl)
}

func TestADeadTokenIsNotServedWhileTheStoreTakesItsTime(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		forge := &tinyForge{}
		app, _ := forge.mutator(t, key, slowStore{tokenprovidertest.NewStore()}, 0)
		i := app.Installation(installationID)
		_, _, err := i.Token(t.Context())
		require.NoError(t, err)
		var delivered sync.WaitGroup
		delivered.Go(func() {
			deliver(receiver(t, app), delivery("installation", `{"action":"suspend","installation":{"id":42}}`))
		})
		time.Sleep(time.Millisecond)
		require.Equal(t, tokenprovider.StateEmpty, i.Status().State)
		stored, _, err := i.Token(t.Context()) // the store doesn't know better yet
		require.NoError(t, err)
		delivered.Wait()
		fresh, _, err := i.Token(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, stored, fresh)
	})
}

// lateLockStore takes the lock of a list, says so late, and then takes its time with the list, once it is slow.
type lateLockStore struct {
	tokenprovider.Store
	slow bool
	deaf bool // it changes what it is told to, whether or not anybody still waits
}

func (s *lateLockStore) TryLock(ctx context.Context, key string, ttl time.Duration) (func(context.Context) error, bool, error) {
	unlock, ok, err := s.Store.TryLock(ctx, key, ttl)
	if s.slow && strings.HasSuffix(key, "/list") {
		time.Sleep(900 * time.Millisecond)
	}
	return unlock, ok, err
}

func (s *lateLockStore) Load(ctx context.Context, key string) ([]byte, error) {
	if s.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	value, err := s.Store.Load(ctx, key)
	if s.slow && s.deaf {
		time.Sleep(200 * time.Millisecond)
	}
	return value, err
}

func (s *lateLockStore) Save(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if s.deaf {
		ctx = context.WithoutCancel(ctx)
	} else if s.slow {
		time.Sleep(300 * time.Millisecond)
	}
	return s.Store.Save(ctx, key, value, ttl)
}

func TestAReplicaThatGetsTheLockOfAListLateLosesNoTokenOfAnother(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	for name, deaf := range map[string]bool{"a store that heeds its ctx": false, "a deaf one": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := tokenprovidertest.NewStore()
				store := &lateLockStore{Store: shared, deaf: deaf}
				forge := &tinyForge{}
				_, late := forge.mutator(t, key, store, 0)
				other := forge.narrowed(t, key, shared)
				first, _, err := late.WorkspaceToken(t.Context(), "a")
				require.NoError(t, err)
				time.Sleep(time.Minute)
				store.slow = true
				var reporting sync.WaitGroup
				reporting.Go(func() { late.Invalidate(first) })
				time.Sleep(800 * time.Millisecond)
				_, _, err = other.WorkspaceToken(t.Context(), "a") // waits until the lock is over
				require.NoError(t, err)
				reporting.Wait()
				time.Sleep(time.Second)
				_, three := forge.mutator(t, key, shared, 0)
				require.NoError(t, three.ReleaseWorkspace(t.Context(), "a"))
				require.Equal(t, map[string]bool{"ghs_1": true, "ghs_2": true}, forge.revoked)
			})
		})
	}
}

func TestAReleaseIsNotHeldUpByATokenThatIsDead(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		shared := tokenprovidertest.NewStore()
		forge := &tinyForge{}
		_, one := forge.mutator(t, key, shared, 0)
		for _, m := range []*githubapp.WorkspaceMutator{one, forge.narrowed(t, key, shared)} {
			_, _, err := m.WorkspaceToken(t.Context(), "a")
			require.NoError(t, err)
			time.Sleep(40 * time.Minute)
		}
		_, three := forge.mutator(t, key, shared, 0)
		require.NoError(t, three.ReleaseWorkspace(t.Context(), "a"))
		require.Equal(t, map[string]bool{"ghs_2": true}, forge.revoked)
	})
}
