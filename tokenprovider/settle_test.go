package tokenprovider_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// settling returns a cache whose token-2 has just come from a background
// refresh, 46 minutes into token-1's hour.
func settling(t *testing.T) (*tokenprovider.Cache, *issuer) {
	c, source := filled(t, nil)
	time.Sleep(46 * time.Minute)
	requireToken(t, c, "token-1")
	synctest.Wait()
	require.Equal(t, 2, source.calls())
	return c, source
}

func TestANewTokenSettlesWhileTheOldOneIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := settling(t)
		for range 50 {
			requireToken(t, c, "token-1")
			token, _, err := c.Token(tokenprovider.WithMinTTL(t.Context(), 30*time.Minute))
			require.NoError(t, err)
			require.Equal(t, "token-1", token,
				"nothing is minted while one settles, not for WithMinTTL either")
			time.Sleep(100 * time.Millisecond)
		}
		requireToken(t, c, "token-2")
		require.Equal(t, 2, source.calls())
	})
}

func TestAnInvalidatedTokenIsReplacedByTheOneThatSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := settling(t)
		require.True(t, c.Invalidate("token-1"))
		requireToken(t, c, "token-2")
		require.False(t, c.Invalidate("token-2"), "it is too young to be judged")
		require.Equal(t, 2, source.calls())
	})
}

func TestADroppedCacheForgetsTheTokenThatSettlesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := settling(t)
		c.Drop()
		requireToken(t, c, "token-3")
	})
}

func TestATokenDoesNotSettleWhenTheOldOneWouldRunLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// its last sixth is 10 s, which a minute of Settle exceeds
		source := &issuer{life: time.Minute}
		c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: time.Minute})
		requireToken(t, c, "token-1")
		time.Sleep(46 * time.Second)
		requireToken(t, c, "token-1")
		synctest.Wait()
		requireToken(t, c, "token-2")
	})
}

func TestTheStatusFollowsTheServedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := settling(t)
		require.Equal(t, tokenprovider.TokenSHA256("token-1"), c.Status().TokenSHA256)
		require.Equal(t, tokenprovider.StateFresh, c.Status().State, "no refresh is due any more")
		time.Sleep(5 * time.Second)
		require.Equal(t, tokenprovider.TokenSHA256("token-2"), c.Status().TokenSHA256)
		require.Equal(t, tokenprovider.StateFresh, c.Status().State)
		require.Equal(t, uint64(2), c.Status().Mints)
	})
}

func TestATokenDoesNotSettleWhenTheOldOneIsBelowMinTTLByThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := filled(t, &tokenprovider.CacheOptions{MintTimeout: time.Hour})
		time.Sleep(46 * time.Minute)
		// ten minutes and two seconds are left when it arrives
		source.latency = 4*time.Minute - 2*time.Second
		requireToken(t, c, "token-1")
		time.Sleep(source.latency)
		synctest.Wait()
		requireToken(t, c, "token-2")
	})
}

func TestATokenThatDiesAsItSettlesDoesNotReplaceALiveOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := filled(t, nil)
		source.life = 3 * time.Second // less than Settle
		time.Sleep(46 * time.Minute)
		requireToken(t, c, "token-1")
		synctest.Wait()
		require.Equal(t, 2, source.calls())
		time.Sleep(5 * time.Second)
		source.breakWith(errors.New("down"))
		require.Equal(t, tokenprovider.TokenSHA256("token-1"), c.Status().TokenSHA256)
		for range 10 {
			requireToken(t, c, "token-1")
			time.Sleep(time.Minute)
		}
	})
}

func TestATokenThatDiedAsItSettledHoldsUpNoReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source := filled(t, nil)
		source.life = 3 * time.Second // less than Settle
		time.Sleep(46 * time.Minute)
		requireToken(t, c, "token-1")
		time.Sleep(4 * time.Second)
		require.True(t, c.Invalidate("token-1"))
		requireToken(t, c, "token-3")
	})
}
