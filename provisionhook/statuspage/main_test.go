package statuspage_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	adminSecret = "admin-3f1c8e0b7a6d5c4e-secret"
	tokenSecret = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
)

var keySecret = bytes.Repeat([]byte("first key "), 4)

func newKey(t testing.TB) *tokenhttp.WorkspaceKey {
	t.Helper()
	key, err := tokenhttp.NewWorkspaceKey(keySecret)
	require.NoError(t, err)
	return key
}

func adminToken(t testing.TB, tokens ...string) tokenhttp.Authenticator {
	t.Helper()
	auth, err := tokenhttp.AdminToken(tokens...)
	require.NoError(t, err)
	return auth
}

func issue(t testing.TB, key *tokenhttp.WorkspaceKey, id string) string {
	t.Helper()
	bearer, err := key.Issue(id, time.Hour)
	require.NoError(t, err)
	return bearer
}

// authFunc is an Authenticator of a test's own.
type authFunc func(*http.Request) (tokenhttp.Principal, error)

func (f authFunc) Authenticate(r *http.Request) (tokenhttp.Principal, error) { return f(r) }

// plugin is a mutator with one token for all.
type plugin struct{ tokenprovider.TokenProvider }

func (plugin) Name() string                                               { return "shared" }
func (plugin) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (p plugin) Unwrap() tokenprovider.TokenProvider                      { return p.TokenProvider }

// newRequest returns a request with bearer, none if it is empty, as a server
// gets it.
func newRequest(method, path, bearer string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return r
}

// record returns the answer of h to r, without a network.
func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// serve starts a real server of h.
func serve(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// answer is what came back for a request.
type answer struct {
	status int
	body   string
	header http.Header
}

func ask(t testing.TB, server *httptest.Server, method, path, bearer string, change ...func(*http.Request)) answer {
	t.Helper()
	status, body, header := testutil.Ask(t, server, method, path, bearer, change...)
	return answer{status, body, header}
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}
