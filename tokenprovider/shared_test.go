package tokenprovider_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

const sharedKey = "forge/42"

// sealKey is a key of 32 bytes, another one for each n.
func sealKey(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

// newShared is a replica with defaults but for what change says.
func newShared(t testing.TB, p tokenprovider.TokenProvider, s tokenprovider.Store, change ...func(*tokenprovider.SharedOptions)) *tokenprovider.Shared {
	t.Helper()
	opts := tokenprovider.SharedOptions{Key: sharedKey, SealKeys: [][]byte{sealKey(1)}}
	for _, c := range change {
		c(&opts)
	}
	shared, err := tokenprovider.NewShared(p, s, opts)
	require.NoError(t, err)
	return shared
}

func logTo(output *bytes.Buffer) func(*tokenprovider.SharedOptions) {
	return func(o *tokenprovider.SharedOptions) { o.Logger = slog.New(slog.NewTextHandler(output, nil)) }
}

func wishing(t *testing.T, d time.Duration) context.Context {
	return tokenprovider.WithMinTTL(t.Context(), d)
}

func TestNewSharedNamesWhatIsWrong(t *testing.T) {
	p, s := tokenprovider.Static("token"), tokenprovidertest.NewStore()
	for want, opts := range map[string]tokenprovider.SharedOptions{
		"SharedOptions.Key is empty":                {SealKeys: [][]byte{sealKey(1)}},
		"SharedOptions.SealKeys is empty":           {Key: "key"},
		"SharedOptions.SealKeys[0] has 0 bytes":     {Key: "key", SealKeys: [][]byte{nil}},
		"SharedOptions.SealKeys[1] has 16 bytes":    {Key: "key", SealKeys: [][]byte{sealKey(1), sealKey(2)[:16]}},
		"SharedOptions.SealKeys[2] has 33 bytes":    {Key: "key", SealKeys: [][]byte{sealKey(1), sealKey(2), append(sealKey(3), 0)}},
		"it must be 32 random bytes":                {Key: "key", SealKeys: [][]byte{sealKey(1)[:31]}},
		"give at least one key of 32 random bytes":  {Key: "key", SealKeys: [][]byte{}},
		"so that no other one is taken for it":      {},
		"tokenprovider: SharedOptions.SealKeys[0] ": {Key: "key", SealKeys: [][]byte{make([]byte, 64)}},
	} {
		_, err := tokenprovider.NewShared(p, s, opts)
		require.ErrorContains(t, err, want)
	}
	good := tokenprovider.SharedOptions{Key: "key", SealKeys: [][]byte{sealKey(1)}}
	_, err := tokenprovider.NewShared(nil, s, good)
	require.ErrorContains(t, err, "needs a provider")
	_, err = tokenprovider.NewShared(p, nil, good)
	require.ErrorContains(t, err, "needs a store")
}

func TestReplicasShareOneToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour, latency: 300 * time.Millisecond}, tokenprovidertest.NewStore()
		started := time.Now()
		var replicas sync.WaitGroup
		for range 8 {
			tokens := tokenprovider.NewCache(newShared(t, source, store), nil)
			replicas.Go(func() {
				token, expiresAt, err := tokens.Token(t.Context())
				require.NoError(t, err)
				require.Equal(t, "token-1", token)
				require.WithinDuration(t, started.Add(time.Hour+300*time.Millisecond), expiresAt, 0)
			})
		}
		replicas.Wait()
		require.Equal(t, 1, source.calls())
		require.LessOrEqual(t, time.Since(started), 550*time.Millisecond, "a mint and one look at the store")
		requireToken(t, newShared(t, source, store), "token-1") // a replica that comes later
	})
}

func TestReplicasShareEachRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour, latency: 300 * time.Millisecond}, tokenprovidertest.NewStore()
		var replicas sync.WaitGroup
		for n := range 8 {
			tokens := tokenprovider.NewCache(newShared(t, source, store), nil)
			replicas.Go(func() {
				time.Sleep(time.Duration(n) * time.Minute)
				for range 24 * 60 {
					_, _, err := tokens.Token(t.Context())
					require.NoError(t, err)
					time.Sleep(time.Minute)
				}
			})
		}
		replicas.Wait()
		// A token is refreshed at 42 to 45 minutes of age, by the first of the replicas that comes to it.
		require.InDelta(t, 24*60/43, source.calls(), 3, "mints in a day")
	})
}

func TestAStoredTokenIsTakenOnlyWithEnoughLife(t *testing.T) {
	for _, c := range []struct {
		name         string
		life         time.Duration
		minTTL, wish time.Duration
		left         time.Duration
		mints        bool
	}{
		{"20 minutes by default", time.Hour, 0, 0, 20 * time.Minute, false},
		{"less than 20 minutes", time.Hour, 0, 0, 20*time.Minute - 1, true},
		{"a third of a short life", 3 * time.Minute, 0, 0, time.Minute, false},
		{"less than a third of a short life", 3 * time.Minute, 0, 0, time.Minute - 1, true},
		{"MinTTL", 8 * time.Hour, time.Hour, 0, time.Hour, false},
		{"less than MinTTL", 8 * time.Hour, time.Hour, 0, time.Hour - 1, true},
		{"no MinTTL", time.Hour, -1, 0, 1, false},
		{"no MinTTL, no life", time.Hour, -1, 0, 0, true},
		{"a wish that is met", time.Hour, 0, 40 * time.Minute, 40 * time.Minute, false},
		{"a wish that isn't", time.Hour, 0, 40 * time.Minute, 40*time.Minute - 1, true},
		{"a wish for less than MinTTL", time.Hour, 0, time.Second, 20*time.Minute - 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, store := &issuer{life: c.life}, tokenprovidertest.NewStore()
				shared := newShared(t, source, store, func(o *tokenprovider.SharedOptions) { o.MinTTL = c.minTTL })
				requireToken(t, shared, "token-1")
				time.Sleep(c.life - c.left)
				token, _, err := shared.Token(wishing(t, c.wish))
				require.NoError(t, err)
				if c.mints {
					require.Equal(t, "token-2", token)
				} else {
					require.Equal(t, "token-1", token)
				}
			})
		})
	}
}

func TestARefreshNeverTakesTheTokenThatItReplaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: 12 * time.Hour}, tokenprovidertest.NewStore()
		c := tokenprovider.NewCache(newShared(t, source, store), &tokenprovider.CacheOptions{RefreshAhead: 2 * time.Hour, Settle: -1})
		requireToken(t, c, "token-1")
		time.Sleep(10 * time.Hour) // 2 h left, far more than the Shared's MinTTL
		requireToken(t, c, "token-1")
		synctest.Wait()
		requireToken(t, c, "token-2")
		require.Equal(t, 2, source.calls())
	})
}

func TestARefreshForAWishNeverTakesTheTokenThatItReplaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for left := 30*time.Minute + time.Second; left > 30*time.Minute-3*time.Second; left -= 250 * time.Millisecond {
			mints := 0
			slow := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
				mints++
				expiresAt := time.Now().Add(time.Hour)
				time.Sleep(2 * time.Second) // half of its life is less from its arrival on than from the request
				return fmt.Sprintf("token-%d", mints), expiresAt, nil
			})
			c := tokenprovider.NewCache(newShared(t, slow, tokenprovidertest.NewStore()), nil)
			_, expiresAt, err := c.Token(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Until(expiresAt) - left)
			_, expiresAt, err = c.Token(wishing(t, 50*time.Minute))
			require.NoError(t, err)
			require.GreaterOrEqual(t, time.Until(expiresAt), 30*time.Minute, "with %s left", left)
		}
	})
}

func TestAWishThatNoTokenMeetsIsOneMintForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour, latency: 300 * time.Millisecond}, tokenprovidertest.NewStore()
		var replicas sync.WaitGroup
		for range 8 {
			shared := newShared(t, source, store)
			replicas.Go(func() {
				token, _, err := shared.Token(wishing(t, 10*time.Hour))
				require.NoError(t, err)
				require.Equal(t, "token-1", token)
			})
		}
		replicas.Wait()
		require.Equal(t, 1, source.calls())
	})
}

func TestAStoredTokenIsJudgedByItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		replica := func() *tokenprovider.Cache {
			return tokenprovider.NewCache(newShared(t, source, store), nil)
		}
		requireToken(t, replica(), "token-1")
		minted := time.Now()
		time.Sleep(4 * time.Second)

		young := replica()
		requireToken(t, young, "token-1")
		require.False(t, young.Invalidate("token-1"), "the forge may not know it everywhere")
		time.Sleep(time.Second)
		old := replica()
		requireToken(t, old, "token-1")
		require.True(t, minted.Equal(old.Status().MintedAt))
		require.True(t, old.Invalidate("token-1"), "it is new to this replica alone")
		requireToken(t, old, "token-2")
		require.False(t, old.Invalidate("token-2"))
		require.True(t, young.Invalidate("token-1"))
		requireToken(t, young, "token-2")
	})
}

func TestATokenWithoutExpiryIsSharedForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		p := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			calls++
			return fmt.Sprintf("token-%d", calls), time.Time{}, nil
		})
		store := tokenprovidertest.NewStore()
		requireToken(t, newShared(t, p, store), "token-1")
		token, expiresAt, err := newShared(t, p, store).Token(wishing(t, time.Hour))
		require.NoError(t, err)
		require.Equal(t, "token-1", token)
		require.True(t, expiresAt.IsZero())
		time.Sleep(24 * time.Hour)
		requireToken(t, newShared(t, p, store), "token-2")
	})
}

func TestAStoredValueIsGoneWhenItsTokenIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{Store: tokenprovidertest.NewStore()}
		store.save = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
			require.Equal(t, time.Hour, ttl)
			return store.Store.Save(ctx, key, value, ttl)
		}
		requireToken(t, newShared(t, &issuer{life: time.Hour}, store), "token-1")
		time.Sleep(time.Hour)
		value, err := store.Load(t.Context(), sharedKey)
		require.NoError(t, err)
		require.Nil(t, value)
	})
}

func TestWhenTheHolderOfTheLockDiesTheOthersMintWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour, latency: 300 * time.Millisecond}, tokenprovidertest.NewStore()
		_, ok, err := store.TryLock(t.Context(), sharedKey, 10*time.Second)
		require.NoError(t, err)
		require.True(t, ok)
		time.Sleep(time.Second)
		started := time.Now()
		var replicas sync.WaitGroup
		for range 8 {
			tokens := tokenprovider.NewCache(newShared(t, source, store), nil)
			replicas.Go(func() {
				_, _, err := tokens.Token(t.Context())
				require.NoError(t, err)
			})
		}
		replicas.Wait()
		require.Greater(t, time.Since(started), 9*time.Second)
		require.LessOrEqual(t, time.Since(started), 9*time.Second+300*time.Millisecond+2*250*time.Millisecond)
		require.Equal(t, 1, source.calls(), "those that came after the holder had a second left to see the next one's token")
	})
}

func TestALockThatNeverEndsCostsLockTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{Store: tokenprovidertest.NewStore()}
		store.tryLock = func(context.Context, string, time.Duration) (func(context.Context) error, bool, error) {
			return nil, false, nil
		}
		shared := newShared(t, &issuer{life: time.Hour}, store)
		started := time.Now()
		requireToken(t, shared, "token-1")
		require.Equal(t, 10*time.Second, time.Since(started))
		requireToken(t, newShared(t, &issuer{life: time.Hour}, store), "token-1")
		require.Equal(t, 10*time.Second, time.Since(started), "what was minted without the lock is shared all the same")
	})
}

func TestAWaiterKeepsAThirdOfItsTimeForAMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		_, _, err := store.TryLock(t.Context(), sharedKey, time.Hour)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		shared := newShared(t, &issuer{life: time.Hour, latency: 900 * time.Millisecond}, store)
		started := time.Now()
		_, _, err = shared.Token(ctx)
		require.NoError(t, err)
		require.Equal(t, 2900*time.Millisecond, time.Since(started))
	})
}

func TestAWaiterLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		_, _, err := store.TryLock(t.Context(), sharedKey, time.Hour)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		started := time.Now()
		token, _, err := newShared(t, source, store).Token(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, token)
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		require.Equal(t, time.Second, time.Since(started))
		require.Zero(t, source.calls())
	})
}

func TestAMintThatFailsGivesTheLockToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		broken := &issuer{latency: time.Second}
		broken.breakWith(&tokenprovider.Error{Code: tokenprovider.CodeForbidden, Err: errors.New("suspended")})
		works := &issuer{life: time.Hour}
		first, second := newShared(t, broken, store), newShared(t, works, store)
		go func() { _, _, _ = first.Token(t.Context()) }()
		synctest.Wait()
		started := time.Now()
		requireToken(t, second, "token-1")
		require.LessOrEqual(t, time.Since(started), 1250*time.Millisecond)
		requireCode(t, newShared(t, broken, tokenprovidertest.NewStore()), tokenprovider.CodeForbidden)
	})
}

func TestTheLockIsGivenUpWhateverTheProviderDoes(t *testing.T) {
	for name, mint := range map[string]func(context.Context, context.CancelFunc) (string, time.Time, error){
		"panic": func(context.Context, context.CancelFunc) (string, time.Time, error) { panic("provider") },
		"goexit": func(ctx context.Context, _ context.CancelFunc) (string, time.Time, error) {
			goexit()
			return "", time.Time{}, nil
		},
		"cancelled": func(ctx context.Context, cancel context.CancelFunc) (string, time.Time, error) {
			cancel()
			return "", time.Time{}, ctx.Err()
		},
		"empty":   func(context.Context, context.CancelFunc) (string, time.Time, error) { return "", time.Time{}, nil },
		"expired": func(context.Context, context.CancelFunc) (string, time.Time, error) { return "t", time.Now(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := tokenprovidertest.NewStore()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				shared := newShared(t, tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) { return mint(ctx, cancel) }), store)
				go func() {
					defer func() { _ = recover() }()
					token, _, err := shared.Token(ctx)
					require.Error(t, err)
					require.Empty(t, token)
				}()
				synctest.Wait()
				_, ok, err := store.TryLock(t.Context(), sharedKey, time.Second)
				require.NoError(t, err)
				require.True(t, ok, "the lock is still held")
				value, err := store.Load(t.Context(), sharedKey)
				require.NoError(t, err)
				require.Nil(t, value, "nothing is stored")
			})
		})
	}
}

func TestATokenIsStoredAlsoWhenItsCallerHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tokenprovidertest.NewStore()
		ctx, cancel := context.WithCancel(t.Context())
		shared := newShared(t, tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			cancel()
			return "token", time.Now().Add(time.Hour), nil
		}), store)
		_, _, err := shared.Token(ctx)
		require.NoError(t, err)
		synctest.Wait()
		requireToken(t, newShared(t, &issuer{}, store), "token")
	})
}

func TestSharedKeepsTheContractOfAProvider(t *testing.T) {
	mint := tokenprovider.Func(func(context.Context) (string, time.Time, error) { return "minted", time.Now().Add(time.Hour), nil })
	for name, wrap := range map[string]func(tokenprovider.TokenProvider) tokenprovider.TokenProvider{
		"by itself":     func(p tokenprovider.TokenProvider) tokenprovider.TokenProvider { return p },
		"under a Cache": func(p tokenprovider.TokenProvider) tokenprovider.TokenProvider { return tokenprovider.NewCache(p, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider {
				return wrap(newShared(t, mint, tokenprovidertest.NewStore()))
			})
		})
	}
}
