package tokenprovider_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

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

func TestATokenThatDiedOnItsWayIsNoDefectAndSoonReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		latency := 2 * time.Second
		source := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			expiresAt := time.Now().Add(time.Second)
			time.Sleep(latency)
			return "token", expiresAt, nil
		})
		shared, err := tokenprovider.NewShared(source, tokenprovidertest.NewStore(), tokenprovider.SharedOptions{Key: "k", SealKeys: [][]byte{make([]byte, 32)}})
		require.NoError(t, err)
		caches := []*tokenprovider.Cache{tokenprovider.NewCache(source, nil), tokenprovider.NewCache(shared, nil)}
		for _, c := range caches {
			require.ErrorContains(t, requireCode(t, c, tokenprovider.CodeUnavailable), "on its way")
		}
		latency = 0
		time.Sleep(time.Second)
		for _, c := range caches {
			requireToken(t, c, "token")
		}
	})
}
