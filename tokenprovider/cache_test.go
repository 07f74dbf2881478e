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

func TestACachedReadDoesNotAllocate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		read := func() { _, _, _ = c.Token(context.Background()) }
		require.Zero(t, testing.AllocsPerRun(100, read), "a fresh token")

		time.Sleep(40 * time.Minute)
		require.Zero(t, testing.AllocsPerRun(100, read), "a token past half of its life")

		source.breakWith(errors.New("down"))
		time.Sleep(9 * time.Minute)
		requireToken(t, c, "token-1")
		synctest.Wait()
		require.Equal(t, tokenprovider.StateDegraded, c.Status().State)
		require.Zero(t, testing.AllocsPerRun(100, read), "a token whose refresh fails")
		require.Equal(t, 2, source.calls())
	})
}

func TestInsideTheWindowTheHeldTokenIsServedAtOnceAndOneRefreshRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: -1})
		requireToken(t, c, "token-1")
		source.latency = 2 * time.Second
		time.Sleep(46 * time.Minute)

		started := time.Now()
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				for range 100 {
					requireToken(t, c, "token-1")
				}
			})
		}
		callers.Wait()
		require.Zero(t, time.Since(started), "nobody waits")
		require.Equal(t, tokenprovider.StateRefreshing, c.Status().State)

		time.Sleep(3 * time.Second)
		requireToken(t, c, "token-2")
		require.Equal(t, 2, source.calls())
	})
}

func TestARefreshIsDueWithinTheJitterBeforeTheWindowAndNoLater(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			source := &issuer{life: time.Hour}
			c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: -1})
			requireToken(t, c, "token-1")
			time.Sleep(42*time.Minute - time.Second) // 45 min less the most that jitter takes
			requireToken(t, c, "token-1")
			synctest.Wait()
			require.Equal(t, 1, source.calls())
			time.Sleep(3*time.Minute + time.Second)
			requireToken(t, c, "token-1")
			synctest.Wait()
			require.Equal(t, 2, source.calls())
		})
	}
}

func TestBelowMinTTLCallersWaitForTheNewToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		source.latency = time.Second
		time.Sleep(51 * time.Minute)
		started := time.Now()
		requireToken(t, c, "token-2") // a refresh that someone waits for is served at once, it doesn't ripen
		require.Equal(t, time.Second, time.Since(started))
	})
}

func TestAHangingRefreshStallsNobodyWhoHasALiveToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		source.latency = time.Hour
		time.Sleep(51 * time.Minute)

		started := time.Now()
		requireToken(t, c, "token-1")
		require.Equal(t, 3*time.Second, time.Since(started))

		// A caller with a deadline of its own goes on with the live token as well.
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		started = time.Now()
		token, _, err := c.Token(ctx)
		require.NoError(t, err)
		require.Equal(t, "token-1", token)
		require.Equal(t, 20*time.Millisecond, time.Since(started))

		time.Sleep(time.Minute) // beyond MintTimeout: the flight is over and the back-off begins
		require.Equal(t, tokenprovider.StateDegraded, c.Status().State)
		require.Equal(t, tokenprovider.CodeUnavailable, c.Status().LastErrorCode)
	})
}

func TestACallerMayAskForMoreLifeUpToHalfOfAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")

		greedy := tokenprovider.WithMinTTL(t.Context(), 24*time.Hour)
		for range 100 {
			token, _, err := c.Token(greedy)
			require.NoError(t, err)
			require.Equal(t, "token-1", token, "half of its life is left: more can't be asked for")
		}
		time.Sleep(31 * time.Minute)
		requireToken(t, c, "token-1")
		token, _, err := c.Token(greedy)
		require.NoError(t, err)
		require.Equal(t, "token-2", token)
		require.Equal(t, 2, source.calls())
	})
}

func TestAHerdCausesOneMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, latency: 50 * time.Millisecond}
		c := tokenprovider.NewCache(source, nil)
		started := time.Now()
		var callers sync.WaitGroup
		for range 10_000 {
			callers.Go(func() { requireToken(t, c, "token-1") })
		}
		callers.Wait()
		require.Equal(t, 1, source.calls())
		require.Equal(t, 50*time.Millisecond, time.Since(started))
	})
}

func TestAFailingHerdCausesOneMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{latency: 50 * time.Millisecond}
		down := errors.New("down")
		source.breakWith(down)
		c := tokenprovider.NewCache(source, nil)
		started := time.Now()
		var callers sync.WaitGroup
		for range 200 {
			callers.Go(func() {
				_, _, err := c.Token(t.Context())
				require.ErrorIs(t, err, down)
			})
		}
		callers.Wait()
		require.Equal(t, 50*time.Millisecond, time.Since(started))
		require.Equal(t, 1, source.calls())

		require.ErrorIs(t, requireCode(t, c, tokenprovider.CodeUnavailable), down)
		require.Equal(t, 1, source.calls(), "the back-off holds without a token too")
	})
}

func TestNobodysCancellationHurtsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, latency: 200 * time.Millisecond}
		c := tokenprovider.NewCache(source, nil)
		leader, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			_, _, err := c.Token(leader)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		})
		synctest.Wait()
		callers.Go(func() { requireToken(t, c, "token-1") })
		callers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			started := time.Now()
			_, _, err := c.Token(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 20*time.Millisecond, time.Since(started))
		})
		time.Sleep(20 * time.Millisecond)
		cancel()
		callers.Wait()
		require.Equal(t, 1, source.calls())
	})
}

func TestAMintGoesOnWhenEveryCallerHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, latency: time.Second}
		c := tokenprovider.NewCache(source, nil)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_, _, err := c.Token(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		time.Sleep(time.Second)
		started := time.Now()
		requireToken(t, c, "token-1")
		require.Zero(t, time.Since(started))
		require.Equal(t, 1, source.calls())
	})
}

func TestALifeShorterThanTheWindowsIsNoStorm(t *testing.T) {
	for _, life := range []time.Duration{2 * time.Second, 50 * time.Second, 5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			source := &issuer{life: life}
			c := tokenprovider.NewCache(source, nil)
			ends := time.Now().Add(10 * life)
			var callers sync.WaitGroup
			for range 16 {
				callers.Go(func() {
					for time.Now().Before(ends) {
						_, expiresAt, err := c.Token(tokenprovider.WithMinTTL(t.Context(), 10*time.Minute))
						require.NoError(t, err)
						require.True(t, time.Now().Before(expiresAt))
						time.Sleep(life / 100)
					}
				})
			}
			callers.Wait()
			require.LessOrEqual(t, source.calls(), 22, "two tokens for each life, as WithMinTTL allows")
		})
	}
}

func TestACallerWhoseContextIsOverStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err := c.Token(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, source.calls())

		requireToken(t, c, "token-1")
		token, _, err := c.Token(ctx) // a token that is held is no reason to wait
		require.NoError(t, err)
		require.Equal(t, "token-1", token)
	})
}

func TestNothingOfACallersContextReachesTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		c := tokenprovider.NewCache(tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
			require.Nil(t, ctx.Value(key{}))
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, 15*time.Second, time.Until(deadline))
			return "t", time.Time{}, nil
		}), nil)
		_, _, err := c.Token(context.WithValue(t.Context(), key{}, "one caller's own"))
		require.NoError(t, err)
	})
}

func TestAProviderThatIgnoresItsContextIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int64
		c := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			if calls.Add(1) == 1 {
				<-release
				return "late", time.Time{}, nil
			}
			return "second", time.Time{}, nil
		}), &tokenprovider.CacheOptions{MintTimeout: time.Second})
		started := time.Now()
		err := requireCode(t, c, tokenprovider.CodeUnavailable)
		require.ErrorContains(t, err, "no answer within 1s")
		require.NotErrorIs(t, err, context.DeadlineExceeded, "it isn't the caller's deadline")
		require.Equal(t, time.Second, time.Since(started))

		time.Sleep(time.Second)
		requireToken(t, c, "second")
		close(release)
		synctest.Wait()
		requireToken(t, c, "second")
	})
}

func TestTheProvidersOwnContextErrorIsNotTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
			c := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
				return "", time.Time{}, fmt.Errorf("dial the forge: %w", cause)
			}), nil)
			err := requireCode(t, c, tokenprovider.CodeUnavailable)
			require.NotErrorIs(t, err, cause)
			require.ErrorContains(t, err, "dial the forge")
		}
	})
}

func TestADefectiveProviderIsAnErrorAndHurtsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		provide func() (string, time.Time, error)
		text    string
	}{
		"it panics":                   {func() (string, time.Time, error) { panic("a value with a secret-value in it") }, "panicked: a value of type string"},
		"it dereferences nil":         {func() (string, time.Time, error) { var p *issuer; return "", time.Time{}, *p.fail.Load() }, "nil pointer dereference"},
		"it ends its goroutine":       {func() (string, time.Time, error) { runtime.Goexit(); return "", time.Time{}, nil }, "runtime.Goexit"},
		"it delivers nothing":         {func() (string, time.Time, error) { return "", time.Time{}, nil }, "empty token"},
		"it delivers a dead token":    {func() (string, time.Time, error) { return "dead", time.Now().Add(-time.Minute), nil }, "expired"},
		"it delivers one dying now":   {func() (string, time.Time, error) { return "dead", time.Now(), nil }, "expired"},
		"it delivers one of year one": {func() (string, time.Time, error) { return "dead", time.Time{}.Add(time.Hour), nil }, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var healthy atomic.Bool
				cache := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
					if healthy.Load() {
						return "good", time.Now().Add(time.Hour), nil
					}
					return c.provide()
				}), nil)
				var callers sync.WaitGroup
				for range 10 {
					callers.Go(func() {
						err := requireCode(t, cache, tokenprovider.CodeInternal)
						require.ErrorContains(t, err, c.text)
						require.NotContains(t, err.Error(), "secret-value")
					})
				}
				callers.Wait()

				healthy.Store(true)
				time.Sleep(30 * time.Second)
				requireToken(t, cache, "good")

				healthy.Store(false)
				time.Sleep(59 * time.Minute)
				requireToken(t, cache, "good")
			})
		})
	}
}

func TestATokenWithoutExpiryIsKeptUntilItIsInvalidated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls int
		c := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			calls++
			return fmt.Sprintf("token-%d", calls), time.Time{}, nil
		}), nil)
		for range 10 {
			token, expiresAt, err := c.Token(tokenprovider.WithMinTTL(t.Context(), time.Hour))
			require.NoError(t, err)
			require.Equal(t, "token-1", token)
			require.True(t, expiresAt.IsZero())
			time.Sleep(100 * 24 * time.Hour)
		}
		require.True(t, c.Invalidate("token-1"))
		requireToken(t, c, "token-2")
	})
}

func TestACacheWithoutAProviderIsNotConfigured(t *testing.T) {
	require.ErrorIs(t, requireCode(t, tokenprovider.NewCache(nil, nil), tokenprovider.CodeNotConfigured), tokenprovider.ErrNotConfigured)
}

func TestNothingRunsWhileNobodyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		before := runtime.NumGoroutine()
		time.Sleep(30 * 24 * time.Hour)
		require.Equal(t, before, runtime.NumGoroutine())
		require.Equal(t, 1, source.calls())
		requireToken(t, c, "token-2") // and a token that is long dead isn't served
	})
}

func TestATokenWhoseMintTookMostOfItsLifeIsServedWithoutAStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			expiresAt := time.Now().Add(10 * time.Second)
			time.Sleep(9 * time.Second)
			return "t", expiresAt, nil
		})
		var calls atomic.Int64
		c := tokenprovider.NewCache(tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
			calls.Add(1)
			return slow(ctx)
		}), nil)
		requireToken(t, c, "t")
		require.Equal(t, int64(1), calls.Load())
	})
}
