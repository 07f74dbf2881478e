package tokenhttp_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/statuspage"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAPlatformWithoutItsPluginSaysThatTryingAgainIsPointless(t *testing.T) {
	key := newKey(t)
	var requests atomic.Int64
	h := newHandler(t, key, tokenhttp.FirstProvider(provisionhook.NewRegistry()), nil)
	server := serveDirectly(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.ServeHTTP(w, r)
	}))
	c := tokenprovider.NewCache(&tokenhttp.Client{
		URL:    server.URL + "/workspaces/ws-1/token",
		Bearer: tokenprovider.Static(issue(t, key, "ws-1")),
	}, nil)
	for range 50 {
		_, _, err := c.Token(t.Context())
		require.ErrorIs(t, err, tokenprovider.ErrNotConfigured)
		var e *tokenprovider.Error
		require.ErrorAs(t, err, &e)
		require.False(t, e.Retryable())
	}
	require.EqualValues(t, 1, requests.Load())
}

func TestWhoNeedsMoreLifeThanATokenHasLeftGetsAnotherToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, newKey(t), fixed(tokenprovider.NewCache(&issuer{}, nil)), nil)
		get := func(query string) string {
			w := record(h, newRequest("GET", "/workspaces/ws-1/token"+query, adminSecret))
			return tokenOf(t, answer{status: w.Code, body: w.Body.String()})
		}
		require.Equal(t, "token-1", get(""))
		time.Sleep(40 * time.Minute)
		require.Equal(t, "token-1", get("?min_ttl=15m"))
		require.Equal(t, "token-2", get("?min_ttl=25m"))
		require.Equal(t, "token-2", get("?min_ttl=10h"), "a wish that no token can fulfil costs no mint")
	})
}

func TestAWorkspacesBearerOpensItsOwnEndpointsAndNothingElse(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(newTenants(), plugin{tokenprovider.Static(tokenSecret)})
	auth := anyOf(t, adminToken(t, adminSecret), key)
	handler, err := tokenhttp.NewHandler(tokenhttp.PerWorkspace(registry), auth, nil)
	require.NoError(t, err)
	bearer := issue(t, key, "ws-1")
	for _, name := range []string{"token", "github-installation-token"} {
		for _, method := range []string{"GET", "POST"} {
			require.Equal(t, 200,
				record(handler, newRequest(method, "/workspaces/ws-1/"+name, bearer)).Code, name)
			require.Equal(t, 403,
				record(handler, newRequest(method, "/workspaces/ws-2/"+name, bearer)).Code, name)
		}
	}
	page, err := statuspage.New(registry, auth)
	require.NoError(t, err)
	for h, path := range map[http.Handler]string{
		handler: "/admin/github-installation-token", page: "/admin/status",
	} {
		w := record(h, newRequest("GET", path, bearer))
		require.Equal(t, 403, w.Code, path)
		require.NotContains(t, w.Body.String(), tokenSecret)
		require.Equal(t, 200, record(h, newRequest("GET", path, adminSecret)).Code,
			"the administrator's does")
	}
}

func TestAnAuthenticatorThatCannotDecideAdmitsNobody(t *testing.T) {
	key := newKey(t)
	broken := authFunc(func(*http.Request) (tokenhttp.Principal, error) {
		return tokenhttp.Principal{
			WorkspaceID: "ws-1", Admin: true,
		}, errors.New("the database doesn't answer")
	})
	panics := authFunc(func(*http.Request) (tokenhttp.Principal, error) {
		panic("the database doesn't answer")
	})
	for name, auth := range map[string]tokenhttp.Authenticator{
		"an error": broken, "a panic": panics, "one of two": anyOf(t, key, broken),
		"the first of two": anyOf(t, broken, panics),
	} {
		var records []tokenhttp.AuditRecord
		h, err := tokenhttp.NewHandler(fixed(tokenprovider.Static(tokenSecret)), auth, &tokenhttp.Options{
			Audit: func(_ context.Context, r tokenhttp.AuditRecord) { records = append(records, r) },
		})
		require.NoError(t, err)
		for _, r := range []*http.Request{
			newRequest("GET", "/admin/github-installation-token", "somebody's"),
			newRequest("GET", "/workspaces/ws-1/token", "somebody's"),
			newRequest("POST", "/workspaces/ws-1/token", "somebody's"),
		} {
			w := record(h, r)
			require.Equal(t, 503, w.Code, "%s: %s", name, r.URL.Path)
			require.NotEmpty(t, w.Header().Get("Retry-After"), name)
			require.Equal(t, `{"error":"authentication unavailable","code":"unavailable"}`,
				w.Body.String(), name)
		}
		require.Len(t, records, 3, name)
		for _, r := range records {
			require.Equal(t, tokenprovider.CodeUnavailable, r.Code)
			require.Empty(t, r.TokenSHA256)
		}
	}
}

func TestNoAnswerMayBeKeptAndEachThatPassesSaysWhenToComeAgain(t *testing.T) {
	key := newKey(t)
	limited := func(retryAfter time.Duration) tokenhttp.Source {
		return fixed(failing(&tokenprovider.Error{
			Code: tokenprovider.CodeRateLimited, RetryAfter: retryAfter,
		}))
	}
	admit := func(err error) *tokenhttp.Options {
		return &tokenhttp.Options{Admit: func(context.Context, tokenhttp.Principal) error { return err }}
	}
	well := fixed(tokenprovider.Static(tokenSecret))
	own := func(id string) string { return issue(t, key, id) }
	for name, c := range map[string]struct {
		src          tokenhttp.Source
		opts         *tokenhttp.Options
		method, path string
		bearer       string
		status       int
		comeAgain    bool
	}{
		"a token":          {well, nil, "GET", "/workspaces/ws-1/token", own("ws-1"), 200, false},
		"a malformed wish": {well, nil, "GET", "/workspaces/ws-1/token?min_ttl=x", own("ws-1"), 400, false},
		"nobody":           {well, nil, "GET", "/workspaces/ws-1/token", "", 401, false},
		"somebody else":    {well, nil, "GET", "/workspaces/ws-1/token", own("ws-2"), 403, false},
		"no provider":      {fixed(nil), nil, "GET", "/workspaces/ws-1/token", own("ws-1"), 404, false},
		"another method":   {well, nil, "HEAD", "/workspaces/ws-1/token", own("ws-1"), 405, false},
		"too many of a principal's": {
			well,
			admit(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: time.Minute}),
			"GET", "/workspaces/ws-1/token", own("ws-1"), 429, true,
		},
		"too many upstream": {limited(time.Minute), nil, "GET", "/workspaces/ws-1/token", own("ws-1"), 500, true},
		"an admission that fails": {
			well, admit(errors.New("no database")), "GET", "/workspaces/ws-1/token", own("ws-1"),
			503, true,
		},
	} {
		w := record(newHandler(t, key, c.src, c.opts), newRequest(c.method, c.path, c.bearer))
		require.Equal(t, c.status, w.Code, name)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), name)
		require.Equal(t, "no-cache", w.Header().Get("Pragma"), name)
		require.Equal(t, c.comeAgain, w.Header().Get("Retry-After") != "", name)
	}
}
