package tokenhttp_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const (
	adminSecret = "admin-3f1c8e0b7a6d5c4e-secret"
	tokenSecret = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
)

var (
	firstKey  = bytes.Repeat([]byte("first key "), 4)
	secondKey = bytes.Repeat([]byte("second key"), 4)
)

func newKey(t testing.TB, keys ...[]byte) *tokenhttp.WorkspaceKey {
	t.Helper()
	if len(keys) == 0 {
		keys = [][]byte{firstKey}
	}
	key, err := tokenhttp.NewWorkspaceKey(keys...)
	require.NoError(t, err)
	return key
}

func issue(t testing.TB, key *tokenhttp.WorkspaceKey, id string) string {
	t.Helper()
	bearer, err := key.Issue(id, time.Hour)
	require.NoError(t, err)
	return bearer
}

func adminToken(t testing.TB, tokens ...string) tokenhttp.Authenticator {
	t.Helper()
	auth, err := tokenhttp.AdminToken(tokens...)
	require.NoError(t, err)
	return auth
}

func anyOf(t testing.TB, as ...tokenhttp.Authenticator) tokenhttp.Authenticator {
	t.Helper()
	auth, err := tokenhttp.AnyOf(as...)
	require.NoError(t, err)
	return auth
}

// newHandler serves src to workspaces of key and to the administrator.
func newHandler(t testing.TB, key *tokenhttp.WorkspaceKey, src tokenhttp.Source, opts *tokenhttp.Options) *tokenhttp.Handler {
	t.Helper()
	h, err := tokenhttp.NewHandler(src, anyOf(t, adminToken(t, adminSecret), key), opts)
	require.NoError(t, err)
	return h
}

// serve starts a real server of h under a mux.
func serve(t testing.TB, h *tokenhttp.Handler) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	h.Mount(mux)
	server := httptest.NewServer(mux)
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

func workspacePath(id string) string { return "/workspaces/" + url.PathEscape(id) + "/token" }

// fixed returns a Source that has p for everyone.
func fixed(p tokenprovider.TokenProvider) tokenhttp.Source {
	return func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) { return p, nil }
}

// leased returns a provider of one token with a life.
func leased(token string, expiresAt time.Time) tokenprovider.TokenProvider {
	return tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return token, expiresAt, nil
	})
}

// everyone is an Options.Admit that lets everyone in.
func everyone(context.Context, tokenhttp.Principal) error { return nil }

func failing(err error) tokenprovider.TokenProvider {
	return tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return "", time.Time{}, err
	})
}

// issuer mints token-1, token-2 and so on, with a prefix, an hour each.
type issuer struct {
	prefix string
	minted atomic.Int64
}

func (i *issuer) Token(context.Context) (string, time.Time, error) {
	return fmt.Sprintf("%stoken-%d", i.prefix, i.minted.Add(1)), time.Now().Add(time.Hour), nil
}

// plugin is a mutator with one token for all.
type plugin struct{ tokenprovider.TokenProvider }

func (plugin) Name() string                                               { return "shared" }
func (plugin) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (p plugin) Unwrap() tokenprovider.TokenProvider                      { return p.TokenProvider }

// tenants is a mutator with a token for each workspace that it knows.
type tenants struct {
	caches *tokenprovider.Keyed[string]
}

func newTenants() *tenants {
	return &tenants{tokenprovider.NewKeyed(func(id string) tokenprovider.TokenProvider {
		return &issuer{prefix: id + "-"}
	}, &tokenprovider.CacheOptions{Settle: -1})}
}

func (*tenants) Name() string                                               { return "tenants" }
func (*tenants) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (m *tenants) WorkspaceToken(ctx context.Context, id string) (string, time.Time, error) {
	if strings.HasPrefix(id, "unknown") {
		return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeNotFound}
	}
	return m.caches.Get(id).Token(ctx)
}

// Invalidate drops token from the workspace that it was minted for.
func (m *tenants) Invalidate(token string) bool {
	id, _, _ := strings.Cut(token, "-token-")
	return m.caches.Get(id).Invalidate(token)
}

var (
	_ provisionhook.WorkspaceTokenProvider = (*tenants)(nil)
	_ tokenprovider.TokenProvider          = plugin{}
)

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
