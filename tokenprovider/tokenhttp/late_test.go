package tokenhttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// roundTripper answers requests without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestATokenThatDiesOnItsWayIsWorthAnotherTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dying := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			expiresAt := time.Now().Add(time.Second)
			time.Sleep(2 * time.Second)
			return tokenSecret, expiresAt, nil
		})
		key, err := tokenhttp.NewWorkspaceKey(make([]byte, 32))
		require.NoError(t, err)
		bearer, err := key.Issue("ws-1", time.Hour)
		require.NoError(t, err)
		handler, err := tokenhttp.NewHandler(fixed(dying), key, nil)
		require.NoError(t, err)
		late := time.Duration(0)
		client := &tokenhttp.Client{URL: "https://platform.example/workspaces/ws-1/token", Bearer: tokenprovider.Static(bearer), HTTPClient: &http.Client{
			Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, req)
				time.Sleep(late)
				return answer.Result(), nil
			}),
		}}
		require.ErrorContains(t, requireCode(t, client, tokenprovider.CodeUnavailable),
			"500 Internal Server Error (unavailable)")

		handler, err = tokenhttp.NewHandler(fixed(leased(tokenSecret, time.Now().Add(2*time.Second))),
			key, nil)
		require.NoError(t, err)
		late = 3 * time.Second
		require.ErrorContains(t, requireCode(t, client, tokenprovider.CodeUnavailable),
			"expired on its way")

		late = 0
		time.Sleep(800 * time.Millisecond) // of a second that the wire doesn't tell
		handler, err = tokenhttp.NewHandler(fixed(leased(tokenSecret,
			time.Now().Add(100*time.Millisecond))),
			key, nil)
		require.NoError(t, err)
		require.ErrorContains(t, requireCode(t, client, tokenprovider.CodeUnavailable),
			"expired on its way")
	})
}
