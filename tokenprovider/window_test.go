package tokenprovider_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestInsideTheWindowTheHeldTokenIsServedAndOneRefreshRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := filled(t, &tokenprovider.CacheOptions{Settle: -1})
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
			c, source := filled(t, &tokenprovider.CacheOptions{Settle: -1})
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
		c, source := filled(t, nil)
		source.latency = time.Second
		time.Sleep(51 * time.Minute)
		started := time.Now()
		// a refresh that someone waits for is served at once, it doesn't settle
		requireToken(t, c, "token-2")
		require.Equal(t, time.Second, time.Since(started))
	})
}

func TestAHangingRefreshStallsNobodyWhoHasALiveToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := filled(t, nil)
		source.latency = time.Hour
		time.Sleep(51 * time.Minute)

		started := time.Now()
		requireToken(t, c, "token-1")
		require.Equal(t, 3*time.Second, time.Since(started))

		// A caller with a deadline of its own goes on with the live token as
		// well.
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
		c, source := filled(t, nil)

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

func TestRefreshAheadBelowZeroLeavesARefreshToTheJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := filled(t, &tokenprovider.CacheOptions{RefreshAhead: -time.Hour, MinTTL: -time.Hour})
		time.Sleep(time.Hour - time.Millisecond)
		requireToken(t, c, "token-1")
		synctest.Wait()
		require.Equal(t, 2, source.calls())
	})
}

func TestARefreshAsksForMoreLifeThanTheHeldTokenHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, wishes: make(chan time.Duration, 10)}
		c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: -1})
		requireToken(t, c, "token-1")
		require.Zero(t, <-source.wishes)
		time.Sleep(46 * time.Minute)
		requireToken(t, c, "token-1")
		require.Greater(t, <-source.wishes, 14*time.Minute)
	})
}

func TestARefreshAsksForTheLifeThatItsCallerWishesFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, wishes: make(chan time.Duration, 10)}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		require.Zero(t, <-source.wishes)
		time.Sleep(46 * time.Minute)
		_, _, err := c.Token(tokenprovider.WithMinTTL(t.Context(), 20*time.Minute))
		require.NoError(t, err)
		require.Equal(t, 20*time.Minute, <-source.wishes)
	})
}

// If it were drawn at each read, the earliest moment would win as soon as there
// are enough reads, and caches that were filled together would refresh
// together.
func TestJitterIsDrawnOncePerTokenHoweverOftenItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const caches = 40
		var ages time.Duration
		earliest, latest := time.Hour, time.Duration(0)
		for range caches {
			source := &issuer{life: time.Hour}
			c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: -1})
			minted := time.Now()
			requireToken(t, c, "token-1")
			time.Sleep(42*time.Minute - time.Second)
			for source.calls() < 2 {
				for range 10 {
					_, _, err := c.Token(t.Context())
					require.NoError(t, err)
				}
				synctest.Wait()
				time.Sleep(time.Second)
			}
			age := time.Since(minted)
			ages += age
			earliest, latest = min(earliest, age), max(latest, age)
		}
		require.InDelta(t, 43.5, (ages / caches).Minutes(), 0.7,
			"from 42 to 45 minutes, one as likely as another")
		require.Greater(t, latest-earliest, time.Minute)
	})
}
