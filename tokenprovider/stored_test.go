package tokenprovider_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestStoredSaysWhatThereIsAndNeitherLocksNorMints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		store := newFaulty("lock", func(context.Context) error { panic("it locks") })
		source := &issuer{life: time.Hour}
		shared := newShared(t, source, store)
		requireStored := func(ctx context.Context, want string, wantEnough bool) {
			t.Helper()
			token, expiresAt, enough := shared.Stored(ctx)
			require.Equal(t, want, token)
			require.Equal(t, wantEnough, enough)
			require.Equal(t, want == "", expiresAt.IsZero())
			at, known := shared.MintedAt(token)
			require.Equal(t, want != "", known)
			require.True(t, !known || at.Equal(began))
		}
		requireStored(t.Context(), "", false)
		requireToken(t, newShared(t, always("stored", time.Hour), store.Store), "stored")
		requireStored(t.Context(), "stored", true)
		time.Sleep(45 * time.Minute)
		requireStored(t.Context(), "stored", false)
		requireStored(tokenprovider.WithMinTTL(t.Context(), 20*time.Minute), "", false)
		require.Zero(t, source.calls())
	})
}
