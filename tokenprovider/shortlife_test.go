package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
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
						_, expiresAt, err := c.Token(tokenprovider.WithMinTTL(t.Context(),
							10*time.Minute))
						require.NoError(t, err)
						require.True(t, time.Now().Before(expiresAt))
						time.Sleep(life / 100)
					}
				})
			}
			callers.Wait()
			require.LessOrEqual(t, source.calls(), 22,
				"two tokens for each life, as WithMinTTL allows")
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
		c := cacheOver(func(ctx context.Context) (string, time.Time, error) {
			calls.Add(1)
			return slow(ctx)
		})
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
		shared, err := tokenprovider.NewShared(source, tokenprovidertest.NewStore(),
			tokenprovider.SharedOptions{Key: "k", SealKeys: [][]byte{make([]byte, 32)}})
		require.NoError(t, err)
		caches := []*tokenprovider.Cache{tokenprovider.NewCache(source, nil),
			tokenprovider.NewCache(shared, nil)}
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

// brief is a source whose tokens live for moments. It notes when it was asked.
type brief struct {
	issuer
	mu    sync.Mutex
	begun []time.Time
}

func (b *brief) Token(ctx context.Context) (string, time.Time, error) {
	b.mu.Lock()
	b.begun = append(b.begun, time.Now())
	b.mu.Unlock()
	return b.issuer.Token(ctx)
}

func TestTokensThatLiveForMomentsAreMintedOnceASecondAtMost(t *testing.T) {
	for _, life := range []time.Duration{1, 10 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		for _, latency := range []time.Duration{0, life / 2} {
			t.Run(fmt.Sprintf("a life of %s, a mint of %s", life, latency), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					source := &brief{issuer: issuer{life: life, latency: latency}}
					c := tokenprovider.NewCache(source, nil)
					ends := time.Now().Add(time.Minute)
					var callers sync.WaitGroup
					for n := range 4 {
						ctx := t.Context()
						if n%2 == 0 { // asks for more than there is
							ctx = tokenprovider.WithMinTTL(ctx, time.Hour)
						}
						callers.Go(func() {
							for time.Now().Before(ends) {
								began := time.Now()
								_, expiresAt, err := c.Token(ctx)
								require.NoError(t, err)
								require.True(t, time.Now().Before(expiresAt),
									"a dead token was handed out")
								require.LessOrEqual(t, time.Since(began), time.Second+latency)
								time.Sleep(7 * time.Millisecond)
							}
						})
					}
					callers.Wait()
					require.GreaterOrEqual(t, source.calls(), 40, "callers are served all the time")
					for n, begun := range source.begun[1:] {
						require.GreaterOrEqual(t, begun.Sub(source.begun[n]), time.Second)
					}
				})
			})
		}
	}
}

func TestACallerLeavesThePauseBetweenMintsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: 10 * time.Millisecond}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		time.Sleep(100 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, _, err := c.Token(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 300*time.Millisecond, time.Since(began))
		requireToken(t, c, "token-2")
		require.Equal(t, time.Second-100*time.Millisecond, time.Since(began))
	})
}

func TestWhatIsKnownToBeDeadIsReplacedWithoutAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c, source := filled(t, &tokenprovider.CacheOptions{Settle: -1})
		c.Drop()
		requireToken(t, c, "token-2")
		require.True(t, c.Invalidate("token-2"))
		requireToken(t, c, "token-3")
		c.Drop()
		source.breakWith(errors.New("down"))
		requireCode(t, c, tokenprovider.CodeUnavailable)
		source.breakWith(nil)
		c.EndBackoff()
		requireToken(t, c, "token-5")
		require.Zero(t, time.Since(began))
	})
}

// slowLogger makes everything that waits for a log record late.
type slowLogger struct{ slog.Handler }

func (slowLogger) Handle(context.Context, slog.Record) error {
	time.Sleep(20 * time.Millisecond)
	return nil
}

func TestTokensThatDieBeforeAnybodyHasThemAreAnErrorInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: 10 * time.Millisecond}
		c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{
			Logger: slog.New(slowLogger{slog.NewTextHandler(io.Discard, nil)}),
		})
		began := time.Now()
		err := requireCode(t, c, tokenprovider.CodeUnavailable)
		require.ErrorContains(t, err, "die before they can be handed out")
		require.Equal(t, 3, source.calls())
		require.Equal(t, 2*time.Second+20*time.Millisecond, time.Since(began))

		source.life = time.Hour
		requireToken(t, c, "token-4")
	})
}

func TestAKeyWhoseTokensLiveForMomentsIsMintedNoMoreOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := []*issuer{{life: 10 * time.Millisecond}, {life: 10 * time.Millisecond}}
		k := tokenprovider.NewKeyed(func(n int) tokenprovider.TokenProvider { return sources[n] },
			nil)
		get := func(n int) {
			_, _, err := k.Get(n).Token(t.Context())
			require.NoError(t, err)
			synctest.Wait()
			runtime.GC() // nobody holds the Cache but the Keyed
		}
		began := time.Now()
		for range 5 {
			get(0)
			time.Sleep(600 * time.Millisecond)
			get(1) // looks for idle ones, while that of 0 has no live token
			get(0)
			time.Sleep(600 * time.Millisecond)
		}
		require.LessOrEqual(t, sources[0].calls(), 1+int(time.Since(began).Seconds()))
	})
}

func TestABackOffIsNoLongerThanTheStatusSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		source.breakWith(errors.New("down"))
		c := tokenprovider.NewCache(source, nil)
		requireCode(t, c, tokenprovider.CodeUnavailable)
		source.breakWith(nil)
		retryAt := c.Status().RefreshAt
		time.Sleep(time.Until(retryAt))
		requireToken(t, c, "token-2")
		require.True(t, retryAt.Equal(time.Now()), "and the pause between mints adds nothing")
	})
}

func TestKeepFreshMintsTokensThatLiveForMomentsWithAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: 10 * time.Millisecond}
		c := tokenprovider.NewCache(source, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, c.KeepFresh(ctx), context.DeadlineExceeded)
		require.InDelta(t, 60, source.calls(), 2)
		time.Sleep(time.Minute)
	})
}
