package tokenhttp_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

const bearerSecret = "bearer-9d8c7b6a5f4e3d2c1b0a"

// endpoint starts a real server that answers as f does.
func endpoint(t testing.TB, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server
}

// answering returns a handler of one fixed answer.
func answering(status int, contentType, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// requireCode asks c for a token and expects an error of that code that shows
// no secret.
func requireCode(t testing.TB, c *tokenhttp.Client, want tokenprovider.Code, context ...any) *tokenprovider.Error {
	t.Helper()
	token, expiresAt, err := c.Token(t.Context())
	require.Empty(t, token, context...)
	require.Zero(t, expiresAt, context...)
	var e *tokenprovider.Error
	require.ErrorAs(t, err, &e, context...)
	require.Equal(t, want, e.Code, "%v: %v", context, err)
	require.Empty(t,
		testutil.Leak(fmt.Sprintf("%v %+v %#v", err, err, err), tokenSecret, bearerSecret),
		context...)
	require.NotContains(t, err.Error(), "quoth the server", context...)
	return e
}

func TestAClientGetsWhatTheHandlerServes(t *testing.T) {
	key := newKey(t)
	registry := provisionhook.NewRegistry()
	registry.Register(newTenants())
	var records []tokenhttp.AuditRecord
	server := serve(t, newHandler(t, key, tokenhttp.PerWorkspace(registry), &tokenhttp.Options{
		Audit: func(_ context.Context, r tokenhttp.AuditRecord) { records = append(records, r) },
	}))
	for _, id := range strangeIDs {
		if id == "." || id == ".." {
			continue
		}
		c := &tokenhttp.Client{
			URL: server.URL + workspacePath(id), Bearer: tokenprovider.Static(issue(t, key, id)),
			UserAgent: "helper/1.2",
		}
		token, expiresAt, err := c.Token(t.Context())
		if strings.ContainsAny(id, " \x00") || id != strings.ToValidUTF8(id, "") || !ascii(id) {
			require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err),
				"the token of %q has its characters", id)
			continue
		}
		require.NoError(t, err, id)
		require.Equal(t, id+"-token-1", token)
		require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, time.Minute)
		require.Equal(t, "helper/1.2", records[len(records)-1].UserAgent)
	}
	other := &tokenhttp.Client{
		URL:    server.URL + workspacePath("ws-1"),
		Bearer: tokenprovider.Static(issue(t, key, "ws-2")),
	}
	e := requireCode(t, other, tokenprovider.CodeForbidden)
	require.Equal(t,
		"tokenhttp: GET "+server.URL+"/workspaces/ws-1/token: 403 Forbidden (forbidden)", e.Error())
	wrong := &tokenhttp.Client{
		URL: server.URL + workspacePath("ws-1"), Bearer: tokenprovider.Static(bearerSecret),
	}
	requireCode(t, wrong, tokenprovider.CodeUnauthenticated)
	admin := &tokenhttp.Client{
		URL:    server.URL + "/admin/github-installation-token",
		Bearer: tokenprovider.Static(adminSecret),
	}
	requireCode(t, admin, tokenprovider.CodeNotConfigured)
	require.Equal(t, "provisionkit", records[len(records)-1].UserAgent)
}

func ascii(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 }) }

func TestAClientHasTheUserNameOfTheLastAnswer(t *testing.T) {
	for answered, want := range map[string]string{"oauth2": "oauth2", "": "", "a:b": "", "a b": ""} {
		server := httptest.NewServer(answering(200, "application/json", fmt.Sprintf(`{"token":"t","username":%q}`, answered)))
		t.Cleanup(server.Close)
		c := &tokenhttp.Client{URL: server.URL, Bearer: tokenprovider.Static("b")}
		require.Empty(t, c.Username(), "nothing was asked yet")
		_, _, err := c.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, c.Username())
	}
}

func TestAClientThatIsMisconfiguredSaysWhatIsWrongBeforeDialling(t *testing.T) {
	const (
		notConfigured   = tokenprovider.CodeNotConfigured
		unauthenticated = tokenprovider.CodeUnauthenticated
		invalid         = tokenprovider.CodeInvalidRequest
		unavailable     = tokenprovider.CodeUnavailable
	)
	bearer := tokenprovider.Static(bearerSecret)
	at := func(url string) *tokenhttp.Client { return &tokenhttp.Client{URL: url, Bearer: bearer} }
	with := func(bearer tokenprovider.TokenProvider) *tokenhttp.Client {
		return &tokenhttp.Client{URL: "http://127.0.0.1:1/token", Bearer: bearer}
	}
	for name, row := range map[string]struct {
		client *tokenhttp.Client
		code   tokenprovider.Code
		says   string
	}{
		"no URL":         {&tokenhttp.Client{Bearer: bearer}, notConfigured, "Client.URL is empty"},
		"nothing at all": {&tokenhttp.Client{}, notConfigured, "Client.URL is empty"},
		"no Bearer": {
			&tokenhttp.Client{URL: "https://platform.invalid/token"}, invalid,
			"Client.Bearer is required",
		},
		"a path only":     {at("/workspaces/ws-1/token"), invalid, "not an absolute URL"},
		"no host":         {at("https:///token"), invalid, "not an absolute URL"},
		"no scheme":       {at("platform.invalid/token"), invalid, "not an absolute URL"},
		"a malformed one": {at("https://platform.invalid/%zz?" + tokenSecret), invalid, "not an absolute URL"},
		"a line break":    {at("https://platform.invalid/\n" + tokenSecret), invalid, "not an absolute URL"},
		"user info": {
			at("https://user:" + tokenSecret + "@platform.invalid/token"), invalid,
			"user name or password",
		},
		"a fragment":     {at("https://platform.invalid/token#" + tokenSecret), invalid, "fragment"},
		"another scheme": {at("file://localhost/etc/passwd"), invalid, "neither https nor http"},
		"http to another machine": {
			at("http://platform.invalid/token"), invalid,
			"use https, or allow it (AllowHTTP, PROVISIONKIT_ALLOW_HTTP=1)",
		},
		"http to a look-alike":    {at("http://localhost.evil.invalid/token"), invalid, "use https"},
		"http to a loopback name": {at("http://127.0.0.1.evil.invalid/token"), invalid, "use https"},
		"a missing bearer":        {with(tokenprovider.File("/nonexistent/bearer")), unauthenticated, "/nonexistent/bearer"},
		"an unset bearer": {
			with(tokenprovider.Env("PROVISIONKIT_TEST_UNSET")), unauthenticated,
			"PROVISIONKIT_TEST_UNSET",
		},
		"an unreadable bearer": {with(tokenprovider.File(t.TempDir())), unavailable, "bearer: "},
		"an empty bearer":      {with(leased("", time.Time{})), unauthenticated, "the bearer is empty"},
		"a bearer with a newline": {
			with(leased(bearerSecret+"\nX-Admin: 1", time.Time{})), unauthenticated,
			"control characters",
		},
		"a bearer with a return":  {with(leased(bearerSecret+"\r", time.Time{})), unauthenticated, "control characters"},
		"a bearer with two words": {with(leased(bearerSecret+" x", time.Time{})), unauthenticated, "white space"},
		"nobody listens":          {at("http://127.0.0.1:1/token?x=" + tokenSecret), unavailable, "/token: dial tcp 127.0.0.1:1: "},
		"a name without a machine": {
			at("https://platform.invalid/token?x=" + tokenSecret), unavailable,
			"https://platform.invalid/token: ",
		},
	} {
		e := requireCode(t, row.client, row.code, name)
		require.ErrorContains(t, e, row.says, name)
		if row.code != notConfigured {
			require.NotErrorIs(t, e, tokenprovider.ErrNotConfigured,
				"%s: half a configuration is not none", name)
		}
	}
}

func TestTheRequestSaysWhatIsNeeded(t *testing.T) {
	var got *http.Request
	server := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		answering(200, "application/json", `{"token":"`+tokenSecret+`"}`)(w, r)
	})
	c := &tokenhttp.Client{
		URL:    server.URL + "/workspaces/a%2Fb/token?tenant=x",
		Bearer: tokenprovider.Static(bearerSecret),
	}
	for d, want := range map[time.Duration]string{
		0: "", 10 * time.Minute: "10m0s", 1500 * time.Millisecond: "2s", time.Nanosecond: "1s",
		math.MaxInt64: "2562047h47m16s",
	} {
		_, _, err := c.Token(tokenprovider.WithMinTTL(t.Context(), d))
		require.NoError(t, err)
		require.Equal(t, want, got.URL.Query().Get("min_ttl"), d)
		require.Equal(t, "x", got.URL.Query().Get("tenant"))
		require.Equal(t, "/workspaces/a%2Fb/token", got.URL.EscapedPath())
	}
	require.Equal(t, "GET", got.Method)
	require.Equal(t, []string{"Bearer " + bearerSecret}, got.Header["Authorization"])
	require.Equal(t, "application/json", got.Header.Get("Accept"))
	require.Equal(t, "provisionkit", got.Header.Get("User-Agent"))
	require.NotContains(t, got.Header, "Provisionkit-Rejected")
}

func TestAClientServesManyCallersAtOnce(t *testing.T) {
	key := newKey(t)
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), nil))
	c := &tokenhttp.Client{
		URL:    server.URL + workspacePath("ws-1"),
		Bearer: tokenprovider.Static(issue(t, key, "ws-1")),
	}
	var callers sync.WaitGroup
	var failures atomic.Int64
	for range 8 {
		callers.Go(func() {
			for range 20 {
				token, _, err := c.Token(t.Context())
				c.Invalidate(token)
				if err != nil {
					failures.Add(1)
				}
			}
		})
	}
	callers.Wait()
	require.Zero(t, failures.Load())
}
