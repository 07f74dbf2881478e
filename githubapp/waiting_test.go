package githubapp_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// In a bubble time stands still while anybody waits for a lock: one that is
// held during a request hangs this test.
func TestNobodyWaitsForALockWhileGitHubTakesItsTime(t *testing.T) {
	slow := false
	serve := func(r *http.Request) (*http.Response, error) {
		if slow {
			time.Sleep(10 * time.Second)
		}
		switch {
		case r.Method == http.MethodDelete:
			return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
		case strings.HasPrefix(r.URL.Path, "/users/"):
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"id":9}`))}, nil
		}
		return canned(r)
	}
	inBubble(t, serve, func(t *testing.T, app *githubapp.App) {
		held, dropped, revoked := app.Installation(1), app.Installation(2), app.Installation(3)
		for _, i := range []*githubapp.Installation{held, dropped} {
			_, _, err := i.Token(t.Context())
			require.NoError(t, err)
		}
		token, _, err := revoked.Token(t.Context())
		require.NoError(t, err)
		webhook := receiver(t, app)
		slow = true
		start := time.Now()
		var waiting sync.WaitGroup
		waiting.Go(func() { _, _, _ = app.Installation(4).Token(t.Context()) })
		waiting.Go(func() { _, _, _ = app.Installation(6).Token(t.Context()) })
		waiting.Go(func() { _, _ = app.FindInstallation(t.Context(), "acme") })
		waiting.Go(func() { _ = app.Revoke(t.Context(), token) })
		synctest.Wait()

		_, _, err = held.Token(t.Context())
		require.NoError(t, err)
		_, granted := held.Granted()
		require.True(t, granted)
		require.False(t, held.Invalidate("ghs_another"))
		require.Same(t, held, app.Installation(1))
		require.Equal(t, tokenprovider.StateEmpty, app.Installation(5).Status().State)
		require.Equal(t, http.StatusNoContent, deliver(webhook, delivery("installation", `{"action":"deleted","installation":{"id":2}}`)))
		require.Equal(t, tokenprovider.StateEmpty, dropped.Status().State)
		_, _, err = app.JWT(t.Context())
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
		waiting.Wait()
		require.Equal(t, 10*time.Second, time.Since(start), "nor for each other")
	})
}

func TestAFailureThatWaitsForItsNextTryTakesNoPlaceAmongTheMints(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		app, err := githubapp.New(githubapp.Options{AppID: 7, PrivateKey: key, MaxConcurrentMints: 1, HTTPClient: &http.Client{
			Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if strings.Contains(r.URL.Path, "/1/") {
					tries++
					return &http.Response{StatusCode: http.StatusBadGateway, Header: http.Header{}, Body: http.NoBody}, nil
				}
				return canned(r)
			}),
		}})
		require.NoError(t, err)
		start := time.Now()
		for id := range int64(20) {
			_, _, err := app.Installation(1).Token(t.Context())
			require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
			_, _, err = app.Installation(2 + id).Token(t.Context())
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(start))
		require.Equal(t, 1, tries)
	})
}
