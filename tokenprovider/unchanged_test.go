package tokenprovider_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

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
		minted := c.Status().MintedAt
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
		require.Equal(t, minted, c.Status().MintedAt)

		time.Sleep(10 * time.Minute)
		requireCode(t, c, tokenprovider.CodeInternal)
	})
}

func TestATokenThatIsExtendedAfterItsDeathIsServedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &fixed{token: "same", expiresAt: time.Now().Add(time.Hour)}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "same")
		time.Sleep(61 * time.Minute)
		source.set("same", time.Now().Add(time.Hour))
		requireToken(t, c, "same")
		require.Equal(t, time.Now().Add(time.Hour), c.Status().ExpiresAt)
	})
}

func TestANewTokenEndsTheBackOffThatTheSameOneBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &fixed{token: "same", expiresAt: time.Now().Add(time.Hour)}
		c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: -1})
		requireToken(t, c, "same")
		time.Sleep(46 * time.Minute)
		requireToken(t, c, "same")
		synctest.Wait()
		c.Drop()
		source.set("new", time.Now().Add(time.Hour))
		requireToken(t, c, "new")
		require.True(t, c.Invalidate("new"))
		source.set("newer", time.Now().Add(time.Hour))
		requireToken(t, c, "newer")
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
