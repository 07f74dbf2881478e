package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

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
		{"life that was asked for and is there", time.Hour, 0, 40 * time.Minute, 40 * time.Minute, false},
		{"life that was asked for and isn't there", time.Hour, 0, 40 * time.Minute, 40*time.Minute - 1, true},
		{"less asked for than MinTTL", time.Hour, 0, time.Second, 20*time.Minute - 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, store := &issuer{life: c.life}, &faultyStore{Store: tokenprovidertest.NewStore()}
				store.swap = func(ctx context.Context, key string, old, new []byte, _ time.Duration) (bool, error) {
					return store.Store.Swap(ctx, key, old, new, 0) // nothing goes by itself
				}
				shared := newShared(t, source, store,
					func(o *tokenprovider.SharedOptions) { o.MinTTL = c.minTTL })
				requireToken(t, shared, "token-1")
				time.Sleep(c.life - c.left)
				token, _, err := shared.Token(asking(t, c.wish))
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
		c := tokenprovider.NewCache(newShared(t, source, store),
			&tokenprovider.CacheOptions{RefreshAhead: 2 * time.Hour, Settle: -1})
		requireToken(t, c, "token-1")
		time.Sleep(10 * time.Hour) // 2 h left, far more than the Shared's MinTTL
		requireToken(t, c, "token-1")
		synctest.Wait()
		requireToken(t, c, "token-2")
		require.Equal(t, 2, source.calls())
	})
}

func TestARefreshForMoreLifeNeverTakesTheTokenThatItReplaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const half = 30 * time.Minute
		for left := half + time.Second; left > half-3*time.Second; left -= 250 * time.Millisecond {
			mints := 0
			slow := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
				mints++
				expiresAt := time.Now().Add(time.Hour)
				// From its arrival on half of its life is less than from the
				// request.
				time.Sleep(2 * time.Second)
				return fmt.Sprintf("token-%d", mints), expiresAt, nil
			})
			c := tokenprovider.NewCache(newShared(t, slow, tokenprovidertest.NewStore()), nil)
			_, expiresAt, err := c.Token(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Until(expiresAt) - left)
			_, expiresAt, err = c.Token(asking(t, 50*time.Minute))
			require.NoError(t, err)
			require.GreaterOrEqual(t, time.Until(expiresAt), half, "with %s left", left)
		}
	})
}

func TestMoreLifeThanATokenHasIsOneMintForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour,
			latency: 300 * time.Millisecond}, tokenprovidertest.NewStore()
		var replicas sync.WaitGroup
		for range 8 {
			shared := newShared(t, source, store)
			replicas.Go(func() {
				token, _, err := shared.Token(asking(t, 10*time.Hour))
				require.NoError(t, err)
				require.Equal(t, "token-1", token)
			})
		}
		replicas.Wait()
		require.Equal(t, 1, source.calls())
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
		token, expiresAt, err := newShared(t, p, store).Token(asking(t, time.Hour))
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
		store.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			if purpose(key, new) == "save" {
				require.Equal(t, time.Hour, ttl)
			}
			return store.Store.Swap(ctx, key, old, new, ttl)
		}
		requireToken(t, newShared(t, &issuer{life: time.Hour}, store), "token-1")
		time.Sleep(time.Hour)
		value, err := store.Load(t.Context(), sharedKey)
		require.NoError(t, err)
		require.Nil(t, value)
	})
}

func TestAStoredTokenIsServedOnWhenNoOtherCanBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		requireToken(t, newShared(t, source, store), "token-1")
		time.Sleep(55 * time.Minute)
		source.breakWith(&tokenprovider.Error{Code: tokenprovider.CodeUnavailable})
		replica := newShared(t, source, store)
		c := tokenprovider.NewCache(replica, nil)
		token, _, err := c.Token(asking(t, 10*time.Minute)) // which it hasn't got
		require.NoError(t, err)
		require.Equal(t, "token-1", token)
		time.Sleep(4 * time.Minute)
		requireToken(t, c, "token-1")
		synctest.Wait()
		require.Equal(t, tokenprovider.StateDegraded, c.State(), "its refresh fails")

		require.True(t, replica.Invalidate("token-1"))
		_, _, err = replica.Token(t.Context())
		require.Error(t, err, "it was refused")
		time.Sleep(time.Minute)
		_, _, err = c.Token(t.Context())
		require.Error(t, err, "it is dead")
	})
}

func TestATokenThatIsDroppedMeanwhileIsNotServedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		other := newShared(t, source, store)
		requireToken(t, other, "token-1")
		time.Sleep(50 * time.Minute)
		away := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
			require.NoError(t, other.Drop(ctx))
			return "", time.Time{}, fmt.Errorf("the forge is away")
		})
		token, _, err := newShared(t, away, store).Token(t.Context())
		require.ErrorContains(t, err, "the forge is away")
		require.Empty(t, token)
	})
}

func TestWhatIsServedOnIsAliveThoughTheStoreWentAway(t *testing.T) {
	for name, died := range map[string]func(*tokenprovider.Shared){
		"invalidated": func(s *tokenprovider.Shared) { s.Invalidate(secret) },
		"dropped":     func(s *tokenprovider.Shared) { _ = s.Drop(context.Background()) },
		"expired":     func(*tokenprovider.Shared) { time.Sleep(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			var value []byte
			synctest.Test(t, func(t *testing.T) { value = sealed(t, sharedKey, sealKey(1)) })
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(50 * time.Minute)
				store := &faultyStore{Store: tokenprovidertest.NewStore()}
				store.load = func(context.Context, string) ([]byte, error) { return value, nil }
				var shared *tokenprovider.Shared
				away := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
					store.load = func(ctx context.Context, _ string) ([]byte, error) { return nil, refuse(ctx) }
					time.Sleep(time.Second)
					died(shared)
					return "", time.Time{}, errors.New("the forge is away")
				})
				shared = newShared(t, away, store)
				c := tokenprovider.NewCache(shared, &tokenprovider.CacheOptions{MintTimeout: 2 * time.Hour})
				_, _, err := c.Token(t.Context())
				require.ErrorContains(t, err, "the forge is away")
			})
		})
	}
}
