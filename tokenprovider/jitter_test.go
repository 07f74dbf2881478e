package tokenprovider_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// If it were drawn at each read, the earliest moment would win as soon as there are enough reads, and caches that were
// filled together would refresh together.
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
		require.InDelta(t, 43.5, (ages / caches).Minutes(), 0.7, "from 42 to 45 minutes, one as likely as another")
		require.Greater(t, latest-earliest, time.Minute)
	})
}
