package tokenprovider_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestKeepFreshRefreshesThoughNobodyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, latency: time.Second}
		c := tokenprovider.NewCache(source, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.KeepFresh(ctx) }()

		for range 24 * 60 {
			time.Sleep(time.Minute)
			require.NotEqual(t, tokenprovider.StateEmpty, c.Status().State)
			require.Greater(t, time.Until(c.Status().ExpiresAt), 13*time.Minute)
		}
		require.LessOrEqual(t, source.calls(), 36)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		time.Sleep(time.Minute) // a refresh may still be under way
	})
}

func TestKeepFreshOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		source.breakWith(errors.New("down"))
		c := tokenprovider.NewCache(source, nil)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = c.KeepFresh(ctx) }()

		time.Sleep(time.Hour)
		require.LessOrEqual(t, source.calls(), 80, "the back-off bounds the tries")
		require.Equal(t, tokenprovider.StateFailing, c.Status().State)
		source.breakWith(nil)
		time.Sleep(2 * time.Minute)
		require.Equal(t, tokenprovider.StateFresh, c.Status().State)
		cancel()
		time.Sleep(time.Minute)
	})
}

func TestKeepFreshReplacesAnInvalidatedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := tokenprovider.NewCache(&issuer{life: time.Hour}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = c.KeepFresh(ctx) }()
		time.Sleep(10 * time.Minute)
		require.True(t, c.Invalidate("token-1"))
		time.Sleep(2 * time.Minute)
		require.Equal(t, tokenprovider.TokenSHA256("token-2"), c.Status().TokenSHA256)
		cancel()
		time.Sleep(time.Minute)
	})
}
