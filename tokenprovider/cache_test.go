package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestACachedReadDoesNotAllocate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := filled(t, nil)
		read := func() { _, _, _ = c.Token(context.Background()) }
		require.Zero(t, testing.AllocsPerRun(100, read), "a fresh token")

		time.Sleep(40 * time.Minute)
		require.Zero(t, testing.AllocsPerRun(100, read), "a token past half of its life")

		source.latency = 10 * time.Second
		source.breakWith(errors.New("down"))
		time.Sleep(9 * time.Minute)
		requireToken(t, c, "token-1")
		synctest.Wait()
		require.Equal(t, tokenprovider.StateRefreshing, c.Status().State)
		require.Zero(t, testing.AllocsPerRun(100, read), "a token whose refresh runs")

		time.Sleep(source.latency)
		synctest.Wait()
		require.Equal(t, tokenprovider.StateDegraded, c.Status().State)
		require.Zero(t, testing.AllocsPerRun(100, read), "a token whose refresh fails")
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

func TestTheContextOfARefreshEndsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given context.Context
		c := cacheOver(func(ctx context.Context) (string, time.Time, error) {
			given = ctx
			return "token", time.Time{}, nil
		})
		requireToken(t, c, "token")
		require.ErrorIs(t, given.Err(), context.Canceled)
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
		c := cacheOver(func(ctx context.Context) (string, time.Time, error) {
			require.Nil(t, ctx.Value(key{}))
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, 15*time.Second, time.Until(deadline))
			return "t", time.Time{}, nil
		})
		_, _, err := c.Token(context.WithValue(t.Context(), key{}, "one caller's own"))
		require.NoError(t, err)
	})
}

func TestATokenWithoutExpiryIsKeptUntilItIsInvalidated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls int
		c := cacheOver(func(context.Context) (string, time.Time, error) {
			calls++
			return fmt.Sprintf("token-%d", calls), time.Time{}, nil
		})
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
	require.ErrorIs(t, requireCode(t, tokenprovider.NewCache(nil, nil),
		tokenprovider.CodeNotConfigured), tokenprovider.ErrNotConfigured)
}

func TestNothingRunsWhileNobodyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := filled(t, nil)
		before := runtime.NumGoroutine()
		time.Sleep(30 * 24 * time.Hour)
		require.Equal(t, before, runtime.NumGoroutine())
		require.Equal(t, 1, source.calls())
		requireToken(t, c, "token-2") // and a token that is long dead isn't served
	})
}
