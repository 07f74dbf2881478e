package sleep_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/sleep"
	"github.com/stretchr/testify/require"
)

func TestAPauseEndsWithItsTimeOrItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		require.True(t, sleep.For(ctx, time.Second))
		require.Equal(t, time.Second, time.Since(began))
		require.False(t, sleep.For(ctx, time.Hour))
		require.Equal(t, time.Minute, time.Since(began))
		require.True(t, sleep.For(ctx, 0), "there is nothing to wait for")
		require.Equal(t, time.Minute, time.Since(began))
	})
}
