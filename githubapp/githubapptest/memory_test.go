package githubapptest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestInMemoryAnHourPassesInNoTime(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	for name, tls := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, &githubapptest.Options{InMemory: true, TLS: tls})
				token, expiresAt := f.mint("")
				require.Equal(t, http.StatusOK, f.do("GET", "/installation/repositories", "token "+token, "").StatusCode)
				require.Zero(t, expiresAt.Sub(f.Now().Add(time.Hour)))
				time.Sleep(time.Hour)
				require.Equal(t, http.StatusUnauthorized, f.do("GET", "/installation/repositories", "token "+token, "").StatusCode)
			})
		})
	}
}

func TestInMemoryAClientThatGivesUpEndsAHang(t *testing.T) {
	testutil.RSAKey(t, 0)
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, &githubapptest.Options{InMemory: true})
		f.Fail(githubapptest.Rule{Fault: githubapptest.Hang})
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		start := time.Now()
		_, err := f.try(ctx, "GET", "/app", "", "")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 7*time.Second, time.Since(start))
	})
}

func TestInMemoryNothingElseIsReachedNorReachesTheServer(t *testing.T) {
	f := newFake(t, &githubapptest.Options{InMemory: true})
	_, err := http.Get(f.URL)
	require.Error(t, err)
	other := newFake(t, nil)
	_, err = f.client.Get(other.URL)
	require.ErrorContains(t, err, "in memory")
	require.Empty(t, other.Requests())
	f.Close()
	_, err = f.client.Get(f.URL)
	require.Error(t, err)
}
