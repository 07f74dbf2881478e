package tokenprovider_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestAStoredTokenIsJudgedByItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &issuer{life: time.Hour}, tokenprovidertest.NewStore()
		replica := func() *tokenprovider.Cache {
			return tokenprovider.NewCache(newShared(t, source, store), nil)
		}
		requireToken(t, replica(), "token-1")
		minted := time.Now()
		time.Sleep(4 * time.Second)

		young := replica()
		requireToken(t, young, "token-1")
		require.False(t, young.Invalidate("token-1"), "the forge may not know it everywhere")
		time.Sleep(time.Second)
		old := replica()
		requireToken(t, old, "token-1")
		require.True(t, minted.Equal(old.Status().MintedAt))
		require.True(t, old.Invalidate("token-1"), "it is new to this replica alone")
		requireToken(t, old, "token-2")
		require.False(t, old.Invalidate("token-2"))
		require.True(t, young.Invalidate("token-1"))
		requireToken(t, young, "token-2")
	})
}
