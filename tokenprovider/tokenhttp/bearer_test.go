package tokenhttp_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestABearerThatWasRotatedIsReadAgainAfterA401(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bearer")
	write := func(bearer string) { require.NoError(t, os.WriteFile(path, []byte(bearer+"\n"), 0o600)) }
	write("old-bearer")
	var requests atomic.Int64
	var onRequest func()
	server := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if onRequest != nil {
			onRequest()
		}
		if r.Header.Get("Authorization") != "Bearer new-bearer" {
			answering(401, "application/json", `{"error":"unauthenticated","code":"unauthenticated"}`)(w, r)
			return
		}
		answering(200, "application/json", `{"token":"`+tokenSecret+`"}`)(w, r)
	})
	c := &tokenhttp.Client{URL: server.URL + "/token", Bearer: tokenprovider.File(path)}
	requireCode(t, c, tokenprovider.CodeUnauthenticated)
	require.EqualValues(t, 1, requests.Load(), "the same bearer isn't tried twice")

	onRequest = func() { write("new-bearer") } // while the request is on its way
	_, _, err := c.Token(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, requests.Load())

	onRequest = func() { write(fmt.Sprint("bearer-", requests.Load())) } // it changes every time
	write("another")
	requireCode(t, c, tokenprovider.CodeUnauthenticated)
	require.EqualValues(t, 5, requests.Load(), "there is one more try and no third")

	onRequest = func() { require.NoError(t, os.Remove(path)) }
	e := requireCode(t, c, tokenprovider.CodeUnauthenticated)
	require.ErrorContains(t, e, "401", "the endpoint's answer is what is reported")
}

func TestRenewBearerAsksBesideTheToken(t *testing.T) {
	key := newKey(t)
	server := serve(t, newHandler(t, key, tokenhttp.FirstProvider(nil), nil))
	for _, path := range []string{
		"/workspaces/a%2Fb/token", "/workspaces/a%2Fb/github-installation-token",
		"/workspaces/a%2Fb/token?tenant=x",
	} {
		old := issue(t, key, "a/b")
		c := &tokenhttp.Client{URL: server.URL + path, Bearer: tokenprovider.Static(old)}
		bearer, expiresAt, err := c.RenewBearer(t.Context())
		require.NoError(t, err, path)
		require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, 5*time.Second)
		p, err := key.Authenticate(bearing(bearer))
		require.NoError(t, err)
		require.Equal(t, "a/b", p.WorkspaceID)
	}
	for _, path := range []string{
		"", "/", "/workspaces/ws-1/", "/workspaces/ws-1/tokens", "/workspaces/ws-1/bearer",
		"/token/",
	} {
		c := &tokenhttp.Client{URL: server.URL + path, Bearer: tokenprovider.Static(bearerSecret)}
		_, _, err := c.RenewBearer(t.Context())
		require.ErrorContains(t, err, "/token or /github-installation-token", path)
		require.Equal(t, tokenprovider.CodeInvalidRequest, tokenprovider.CodeOf(err))
	}
	other := &tokenhttp.Client{
		URL:    server.URL + "/workspaces/ws-2/token",
		Bearer: tokenprovider.Static(issue(t, key, "ws-1")),
	}
	_, _, err := other.RenewBearer(t.Context())
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
	admin := &tokenhttp.Client{
		URL:    server.URL + "/admin/github-installation-token",
		Bearer: tokenprovider.Static(adminSecret),
	}
	_, _, err = admin.RenewBearer(t.Context())
	require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err),
		"the mux's own 404 is nobody's answer")

	for name, body := range map[string]string{
		"no expiry": `{"bearer":"` + bearerSecret + `"}`,
		"no bearer": `{"expires_at":"2099-01-01T00:00:00Z"}`,
		"expired":   `{"bearer":"` + bearerSecret + `","expires_at":"2001-01-01T00:00:00Z"}`,
		"a newline": `{"bearer":"` + bearerSecret + `\n","expires_at":"2099-01-01T00:00:00Z"}`,
	} {
		server := endpoint(t, answering(200, "application/json", body))
		bearer, expiresAt, err := (&tokenhttp.Client{
			URL: server.URL + "/token", Bearer: tokenprovider.Static("x"),
		}).RenewBearer(t.Context())
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err), name)
		require.Empty(t, testutil.Leak(err.Error(), bearerSecret), name)
		require.Empty(t, bearer)
		require.Zero(t, expiresAt)
	}
}
