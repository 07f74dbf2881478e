package tokenprovider_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

const secret = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"

func TestNoTypeOfThisPackagePrintsAToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte(secret), 0o600))
	t.Setenv("PROVISIONKIT_TEST_TOKEN", secret)
	synctest.Test(t, func(t *testing.T) { printAll(t, path) })
}

func printAll(t *testing.T, path string) {
	cache := tokenprovider.NewCache(tokenprovider.Static(secret),
		&tokenprovider.CacheOptions{Name: "cache"})
	requireToken(t, cache, secret)
	keyed := tokenprovider.NewKeyed(func(string) tokenprovider.TokenProvider {
		return tokenprovider.Static(secret)
	}, nil)
	requireToken(t, keyed.Get("key"), secret)
	synctest.Wait() // fmt looks into what is behind an unexported field, so nothing may run there

	for _, value := range []any{
		tokenprovider.Static(secret), tokenprovider.Env("PROVISIONKIT_TEST_TOKEN"),
		tokenprovider.File(path),
		tokenprovider.Fallback(tokenprovider.Static(secret), cache), cache, cache.Status(), keyed,
	} {
		testutil.RequireRedacted(t, value, secret)
	}
}

func TestNothingThatIsLoggedOrReturnedHoldsAToken(t *testing.T) {
	output := testutil.CaptureProcess(t, secret)
	synctest.Test(t, func(t *testing.T) {
		script := []func() (string, time.Time, error){
			func() (string, time.Time, error) { panic("a token: " + secret) },
			func() (string, time.Time, error) { panic(errors.New(secret)) },
			func() (string, time.Time, error) { return secret, time.Now().Add(-time.Hour), nil },
			func() (string, time.Time, error) { return secret, time.Now().Add(time.Hour), nil },
			func() (string, time.Time, error) { return secret, time.Now().Add(time.Hour), nil },
			func() (string, time.Time, error) { return "", time.Time{}, errors.New("down") },
		}
		var calls atomic.Int64
		source := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			return script[min(int(calls.Add(1)), len(script))-1]()
		})
		opts := &tokenprovider.CacheOptions{Name: "captured", Logger: output.Logger()}
		c := tokenprovider.NewCache(source, opts)
		for range 200 {
			token, _, err := c.Token(t.Context())
			if err != nil {
				require.Empty(t, testutil.Leak(err.Error(), secret))
			} else if calls.Load() == 4 {
				time.Sleep(10 * time.Second)
				require.True(t, c.Invalidate(token))
			}
			time.Sleep(30 * time.Second)
		}
	})
	require.Contains(t, output.String(), "token minted")
	require.Contains(t, output.String(), "token invalidated")
	require.Contains(t, output.String(), "token refresh failed")
	require.Contains(t, output.String(), "token provider panicked")
}
