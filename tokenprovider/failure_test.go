package tokenprovider_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestAnOutageIsInvisibleWhileTheTokenLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, latency: 5 * time.Millisecond}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		time.Sleep(46 * time.Minute)
		source.breakWith(errors.New("down"))

		ends := time.Now().Add(3 * time.Second)
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				for time.Now().Before(ends) {
					requireToken(t, c, "token-1")
					time.Sleep(time.Millisecond)
				}
			})
		}
		callers.Wait()
		require.LessOrEqual(t, source.calls()-1, 3, "upstream calls follow the back-off, not the callers")
		require.Equal(t, tokenprovider.StateDegraded, c.Status().State)

		time.Sleep(13 * time.Minute) // 59 minutes: far below MinTTL, and still served at once
		started := time.Now()
		requireToken(t, c, "token-1")
		require.LessOrEqual(t, time.Since(started), 5*time.Millisecond)

		time.Sleep(time.Minute)
		requireCode(t, c, tokenprovider.CodeUnavailable)
		require.Equal(t, tokenprovider.StateFailing, c.Status().State)
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

func TestALostPacketDoesNotSpendTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: -1})
		requireToken(t, c, "token-1")
		time.Sleep(46 * time.Minute)
		source.breakWith(errors.New("connection reset"))
		requireToken(t, c, "token-1")
		synctest.Wait()
		require.Equal(t, tokenprovider.StateDegraded, c.Status().State)
		source.breakWith(nil)
		time.Sleep(time.Second)
		requireToken(t, c, "token-1")
		synctest.Wait()
		requireToken(t, c, "token-3")
	})
}

func TestRecoveryNeedsNothingButTheEndOfTheBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		source.breakWith(errors.New("down"))
		c := tokenprovider.NewCache(source, nil)
		for range 7 {
			requireCode(t, c, tokenprovider.CodeUnavailable)
			time.Sleep(time.Minute)
		}
		tried := source.calls()
		requireCode(t, c, tokenprovider.CodeUnavailable)
		source.breakWith(nil)
		requireCode(t, c, tokenprovider.CodeUnavailable)
		require.Equal(t, tried+1, source.calls())
		time.Sleep(time.Minute)
		requireToken(t, c, "token-9")
		require.Equal(t, tokenprovider.StateFresh, c.Status().State)
		require.Empty(t, c.Status().LastError)
		require.Equal(t, uint64(8), c.Status().Failures)
	})
}

func TestRetryAfterIsHonouredUpToAnHour(t *testing.T) {
	for asked, held := range map[time.Duration]time.Duration{
		10 * time.Minute:  10 * time.Minute,
		100 * time.Hour:   time.Hour,
		time.Nanosecond:   800 * time.Millisecond,
		-5 * time.Minute:  800 * time.Millisecond,
		500 * time.Second: 500 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			source := &issuer{life: time.Hour}
			source.breakWith(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: asked})
			c := tokenprovider.NewCache(source, nil)
			requireCode(t, c, tokenprovider.CodeRateLimited)
			source.breakWith(nil)
			time.Sleep(held - time.Millisecond)
			requireCode(t, c, tokenprovider.CodeRateLimited)
			require.Equal(t, 1, source.calls())
			time.Sleep(held/4 + 2*time.Millisecond) // the back-off is drawn up to a quarter longer
			requireToken(t, c, "token-2")
		})
	}
}

func TestAPermanentFailureIsHeldForThirtySeconds(t *testing.T) {
	for _, code := range []tokenprovider.Code{
		tokenprovider.CodeNotConfigured, tokenprovider.CodeUnauthenticated, tokenprovider.CodeForbidden,
		tokenprovider.CodeNotFound, tokenprovider.CodeInvalidRequest, tokenprovider.CodeInternal,
	} {
		synctest.Test(t, func(t *testing.T) {
			source := &issuer{life: time.Hour}
			source.breakWith(&tokenprovider.Error{Code: code})
			c := tokenprovider.NewCache(source, nil)
			for range 29 {
				requireCode(t, c, code)
				time.Sleep(time.Second)
			}
			require.Equal(t, 1, source.calls())
			source.breakWith(nil)
			time.Sleep(time.Second)
			requireToken(t, c, "token-2")
		})
	}
}

func TestAProviderThatCannotBetterTheHeldTokenIsAskedWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issued := time.Now()
		source := &fixed{token: "same", expiresAt: issued.Add(time.Hour)}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "same")
		minted := c.Status().MintedAt
		time.Sleep(46 * time.Minute)
		for range 60 { // a minute inside the window
			requireToken(t, c, "same")
			time.Sleep(time.Second)
		}
		require.LessOrEqual(t, source.calls(), 9)
		require.Equal(t, minted, c.Status().MintedAt)
		require.Equal(t, uint64(1), c.Status().Mints)
		require.Zero(t, c.Status().Failures)
		require.Equal(t, issued.Add(time.Hour), c.Status().ExpiresAt)
	})
}

func TestAnExpiryIsNeverExtendedButMayMoveCloser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issued := time.Now()
		source := &fixed{token: "same", expiresAt: issued.Add(time.Hour)}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "same")
		time.Sleep(46 * time.Minute)
		source.set("same", issued.Add(24*time.Hour))
		requireToken(t, c, "same")
		synctest.Wait()
		require.Equal(t, issued.Add(time.Hour), c.Status().ExpiresAt)

		source.set("same", issued.Add(50*time.Minute))
		time.Sleep(time.Second)
		requireToken(t, c, "same")
		synctest.Wait()
		require.Equal(t, issued.Add(50*time.Minute), c.Status().ExpiresAt)

		time.Sleep(10 * time.Minute)
		requireCode(t, c, tokenprovider.CodeInternal)
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

func TestCachesInARowDoNotHandDownTheirOldToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		lower := tokenprovider.NewCache(source, nil)
		upper := tokenprovider.NewCache(lower, nil)
		for range 24 * 60 {
			_, expiresAt, err := upper.Token(t.Context())
			require.NoError(t, err)
			require.Greater(t, time.Until(expiresAt), 9*time.Minute)
			time.Sleep(time.Minute)
		}
		require.LessOrEqual(t, source.calls(), 36)
	})
}

// defectiveError panics when it is used, as a nil pointer in an error does.
type defectiveError struct{ text *string }

func (e *defectiveError) Error() string { return *e.text }

func TestAnErrorWhoseMethodsPanicHurtsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			var none *defectiveError
			return "", time.Time{}, none
		}), nil)
		err := requireCode(t, c, tokenprovider.CodeInternal)
		require.ErrorContains(t, err, "the provider panicked")
		require.Equal(t, tokenprovider.StateFailing, c.Status().State)
	})
}

func TestRetryEndsABackOffAndKeepsWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		source.breakWith(&tokenprovider.Error{Code: tokenprovider.CodeForbidden})
		c := tokenprovider.NewCache(source, nil)
		requireCode(t, c, tokenprovider.CodeForbidden)
		source.breakWith(nil)
		requireCode(t, c, tokenprovider.CodeForbidden)
		require.Equal(t, 1, source.calls())
		c.EndBackoff()
		requireToken(t, c, "token-2")
		c.EndBackoff()
		requireToken(t, c, "token-2")
		require.Equal(t, tokenprovider.StateFresh, c.Status().State)
	})
}

func TestABackOffBeginsAnewAfterASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		source.breakWith(errors.New("down"))
		c := tokenprovider.NewCache(source, nil)
		for range 7 {
			requireCode(t, c, tokenprovider.CodeUnavailable)
			time.Sleep(time.Minute)
		}
		source.breakWith(nil)
		requireToken(t, c, "token-8")
		c.Drop()
		source.breakWith(errors.New("down"))
		requireCode(t, c, tokenprovider.CodeUnavailable)
		source.breakWith(nil)
		time.Sleep(time.Second)
		requireToken(t, c, "token-10")
	})
}
