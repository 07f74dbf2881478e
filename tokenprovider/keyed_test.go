package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestEachKeyHasOneCacheOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		k := tokenprovider.NewKeyed(func(key string) tokenprovider.TokenProvider {
			return tokenprovider.Func(func(context.Context) (string, time.Time, error) {
				calls.Add(1)
				if key == "suspended" {
					return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeForbidden}
				}
				if key == "slow" {
					time.Sleep(10 * time.Second)
				}
				return "token-of-" + key, time.Now().Add(time.Hour), nil
			})
		}, &tokenprovider.CacheOptions{Name: "tenants"})

		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() { requireToken(t, k.Get("a"), "token-of-a") })
			callers.Go(func() { requireToken(t, k.Get("b"), "token-of-b") })
			callers.Go(func() { requireCode(t, k.Get("suspended"), tokenprovider.CodeForbidden) })
		}
		callers.Go(func() { requireToken(t, k.Get("slow"), "token-of-slow") })
		started := time.Now()
		requireToken(t, k.Get("a"), "token-of-a")
		require.Zero(t, time.Since(started), "a slow key delays no other")
		callers.Wait()
		require.Equal(t, int64(4), calls.Load())
		require.Same(t, k.Get("a"), k.Get("a"))
		require.Equal(t, "tenants", k.Get("a").Status().Name)
	})
}

func TestDropForgetsAKeyWithWhatItsCacheHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		k := tokenprovider.NewKeyed(func(string) tokenprovider.TokenProvider { return source }, nil)
		held := k.Get("a")
		requireToken(t, held, "token-1")
		k.Drop("a")
		k.Drop("never seen")
		require.Equal(t, tokenprovider.StateEmpty, held.Status().State)
		requireToken(t, k.Get("a"), "token-2")
	})
}

// watched returns a Keyed whose providers tell when they were collected, and
// with them their caches.
func watched(gone *atomic.Int64) *tokenprovider.Keyed[int] {
	return tokenprovider.NewKeyed(func(key int) tokenprovider.TokenProvider {
		p := &issuer{life: time.Hour}
		if key < 0 {
			p.breakWith(errors.New("down"))
		}
		runtime.AddCleanup(p, func(int) { gone.Add(1) }, 0)
		return p
	}, nil)
}

func TestIdleKeysGoWithinOneTokenLifeAtTheNextMint(t *testing.T) {
	var gone atomic.Int64
	synctest.Test(t, func(t *testing.T) {
		k := watched(&gone)
		for key := range 1000 {
			requireToken(t, k.Get(key), "token-1")
		}
		for range 4 { // two hours: the tokens die after one
			time.Sleep(30 * time.Minute)
			_, _, err := k.Get(5000).Token(t.Context())
			require.NoError(t, err)
			synctest.Wait()
		}
		runtime.KeepAlive(k)
	})
	require.Eventually(t, func() bool { runtime.GC(); return gone.Load() >= 1000 }, 10*time.Second,
		time.Millisecond)
}

func TestACacheThatIsHeldGoesOnAndStaysTheOneOfItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Int64
		k := watched(&gone)
		held := k.Get(1)
		requireToken(t, held, "token-1")
		for range 10 {
			time.Sleep(2 * time.Hour)
			_, _, err := k.Get(2).Token(t.Context())
			require.NoError(t, err)
			synctest.Wait()
			runtime.GC()
		}
		require.Same(t, held, k.Get(1))
		requireToken(t, held, "token-2")
		require.Same(t, held, k.Get(1))
	})
}

func TestAKeyInBackOffIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		k := tokenprovider.NewKeyed(func(key int) tokenprovider.TokenProvider {
			return tokenprovider.Func(func(context.Context) (string, time.Time, error) {
				if key == 0 {
					asked.Add(1)
					err := &tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: time.Hour}
					return "", time.Time{}, err
				}
				return fmt.Sprint(key), time.Now().Add(time.Second), nil
			})
		}, nil)
		for range 59 {
			requireCode(t, k.Get(0), tokenprovider.CodeRateLimited)
			requireToken(t, k.Get(1), "1")
			time.Sleep(time.Minute)
			runtime.GC()
		}
		require.Equal(t, int64(1), asked.Load())
	})
}

// A sweep that comes while nobody has a Cache in hand must leave what is worth
// keeping in place.
func TestASweepLosesNoToken(t *testing.T) {
	const a, other = "a", "other"
	setup := func(t *testing.T) (*tokenprovider.Keyed[string], *issuer, func()) {
		source := &issuer{life: time.Hour}
		k := tokenprovider.NewKeyed(func(key string) tokenprovider.TokenProvider {
			if key == a {
				return source
			}
			return &issuer{life: time.Minute}
		}, nil)
		return k, source, func() { // mints of another key sweep
			_, _, err := k.Get(other).Token(t.Context())
			require.NoError(t, err)
			synctest.Wait()
			runtime.GC()
		}
	}
	t.Run("on its way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k, source, sweep := setup(t)
			source.latency = 10 * time.Second
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, _, err := k.Get(a).Token(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			sweep()
			time.Sleep(9 * time.Second)
			synctest.Wait()
			runtime.GC()
			requireToken(t, k.Get(a), "token-1")
			require.Equal(t, 1, source.calls())
		})
	})
	t.Run("settling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k, source, sweep := setup(t)
			requireToken(t, k.Get(a), "token-1")
			time.Sleep(46 * time.Minute)
			requireToken(t, k.Get(a), "token-1")
			synctest.Wait()
			require.Equal(t, 2, source.calls())
			for range 3 { // token-1 dies, and nobody has asked for token-2 yet
				time.Sleep(10 * time.Minute)
				sweep()
			}
			requireToken(t, k.Get(a), "token-2")
			require.Equal(t, 2, source.calls())
		})
	})
	t.Run("of a Cache that was idle and is got again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k, source, sweep := setup(t)
			func() {
				held := k.Get(a)
				requireToken(t, held, "token-1")
				time.Sleep(2 * time.Hour)
				sweep()
				requireToken(t, k.Get(a), "token-2")
				runtime.KeepAlive(held)
			}()
			runtime.GC()
			requireToken(t, k.Get(a), "token-2")
			require.Equal(t, 2, source.calls())
		})
	})
	t.Run("but the one of a Cache that was idle and is dropped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k, _, sweep := setup(t)
			held := k.Get(a)
			requireToken(t, held, "token-1")
			time.Sleep(2 * time.Hour)
			sweep()
			requireToken(t, held, "token-2")
			k.Drop(a)
			require.Equal(t, tokenprovider.StateEmpty, held.State())
		})
	})
	t.Run("of a Cache that was idle and is used again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k, source, sweep := setup(t)
			func() {
				held := k.Get(a)
				requireToken(t, held, "token-1")
				time.Sleep(2 * time.Hour)
				sweep()
				requireToken(t, held, "token-2")
				time.Sleep(2 * time.Minute)
				sweep()
			}()
			sweep()
			requireToken(t, k.Get(a), "token-2")
			require.Equal(t, 2, source.calls())
		})
	})
}

func TestARefreshOfOneKeyDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, fast := &issuer{life: time.Hour, latency: 10 * time.Second}, &issuer{life: time.Hour}
		k := tokenprovider.NewKeyed(func(key string) tokenprovider.TokenProvider {
			if key == "slow" {
				return slow
			}
			return fast
		}, nil)
		go func() { _, _, _ = k.Get("slow").Token(t.Context()) }()
		synctest.Wait()
		started := time.Now()
		requireToken(t, k.Get("fast"), "token-1") // cold, so it has a flight of its own
		require.Zero(t, time.Since(started))
		synctest.Wait()
		time.Sleep(time.Minute)
	})
}
