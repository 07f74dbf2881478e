package tokenprovider_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
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
		require.LessOrEqual(t, source.calls()-1, 3,
			"upstream calls follow the back-off, not the callers")
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

func TestALostPacketDoesNotSpendTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := filled(t, &tokenprovider.CacheOptions{Settle: -1})
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
			source.breakWith(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited,
				RetryAfter: asked})
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
	for _, code := range codes {
		if code == tokenprovider.CodeRateLimited || code == tokenprovider.CodeUnavailable {
			continue
		}
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

func TestWhatAProviderAsksForDoesNotLengthenABackOff(t *testing.T) {
	for name, err := range map[string]*tokenprovider.Error{
		"a Retry-After":       {Code: tokenprovider.CodeUnavailable, RetryAfter: time.Second},
		"a permanent failure": {Code: tokenprovider.CodeForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := &issuer{life: time.Hour}
				source.breakWith(err)
				c := tokenprovider.NewCache(source, nil)
				for range 10 {
					requireCode(t, c, err.Code)
					time.Sleep(30 * time.Second)
				}
				source.breakWith(errors.New("a packet was lost"))
				requireCode(t, c, tokenprovider.CodeUnavailable)
				source.breakWith(nil)
				time.Sleep(time.Second)
				requireToken(t, c, "token-12")
			})
		})
	}
}

func TestEndBackoffKeepsWhatIsHeld(t *testing.T) {
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

func TestABackOffBeginsAnewAfterEndBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		source.breakWith(errors.New("down"))
		c := tokenprovider.NewCache(source, nil)
		for range 7 {
			requireCode(t, c, tokenprovider.CodeUnavailable)
			time.Sleep(time.Minute)
		}
		c.EndBackoff()
		requireCode(t, c, tokenprovider.CodeUnavailable)
		source.breakWith(nil)
		time.Sleep(time.Second)
		requireToken(t, c, "token-9")
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
