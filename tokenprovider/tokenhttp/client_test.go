package tokenhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
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

// endpoint is a real server that answers as f does.
func endpoint(t testing.TB, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server
}

// answering is a handler of one fixed answer.
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

// requireCode asks c for a token and expects an error of that code that shows no secret.
func requireCode(t testing.TB, c *tokenhttp.Client, want tokenprovider.Code, context ...any) *tokenprovider.Error {
	t.Helper()
	token, expiresAt, err := c.Token(t.Context())
	require.Empty(t, token, context...)
	require.Zero(t, expiresAt, context...)
	var e *tokenprovider.Error
	require.ErrorAs(t, err, &e, context...)
	require.Equal(t, want, e.Code, "%v: %v", context, err)
	require.Empty(t, testutil.Leak(fmt.Sprintf("%v %+v %#v", err, err, err), tokenSecret, bearerSecret), context...)
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
		c := &tokenhttp.Client{URL: server.URL + workspacePath(id), Bearer: tokenprovider.Static(issue(t, key, id)), UserAgent: "helper/1.2"}
		token, expiresAt, err := c.Token(t.Context())
		if strings.ContainsAny(id, " \x00") || id != strings.ToValidUTF8(id, "") || !ascii(id) {
			require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err), "the token of %q has its characters", id)
			continue
		}
		require.NoError(t, err, id)
		require.Equal(t, id+"-token-1", token)
		require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, time.Minute)
		require.Equal(t, "helper/1.2", records[len(records)-1].UserAgent)
	}
	other := &tokenhttp.Client{URL: server.URL + workspacePath("ws-1"), Bearer: tokenprovider.Static(issue(t, key, "ws-2"))}
	e := requireCode(t, other, tokenprovider.CodeForbidden)
	require.Equal(t, "tokenhttp: GET "+server.URL+"/workspaces/ws-1/token: 403 Forbidden (forbidden)", e.Error())
	wrong := &tokenhttp.Client{URL: server.URL + workspacePath("ws-1"), Bearer: tokenprovider.Static(bearerSecret)}
	requireCode(t, wrong, tokenprovider.CodeUnauthenticated)
	admin := &tokenhttp.Client{URL: server.URL + "/admin/github-installation-token", Bearer: tokenprovider.Static(adminSecret)}
	requireCode(t, admin, tokenprovider.CodeNotConfigured)
	require.Equal(t, "provisionkit", records[len(records)-1].UserAgent)
}

func ascii(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 }) }

func TestAClientThatIsMisconfiguredSaysWhatIsWrongBeforeDialling(t *testing.T) {
	bearer := tokenprovider.Static(bearerSecret)
	for name, row := range map[string]struct {
		client *tokenhttp.Client
		code   tokenprovider.Code
		says   string
	}{
		"no URL":                   {&tokenhttp.Client{Bearer: bearer}, tokenprovider.CodeNotConfigured, "Client.URL is empty"},
		"nothing at all":           {&tokenhttp.Client{}, tokenprovider.CodeNotConfigured, "Client.URL is empty"},
		"no Bearer":                {&tokenhttp.Client{URL: "https://platform.invalid/token"}, tokenprovider.CodeInvalidRequest, "Client.Bearer is required"},
		"a path only":              {&tokenhttp.Client{URL: "/workspaces/ws-1/token", Bearer: bearer}, tokenprovider.CodeInvalidRequest, "not an absolute URL"},
		"no host":                  {&tokenhttp.Client{URL: "https:///token", Bearer: bearer}, tokenprovider.CodeInvalidRequest, "not an absolute URL"},
		"no scheme":                {&tokenhttp.Client{URL: "platform.invalid/token", Bearer: bearer}, tokenprovider.CodeInvalidRequest, "not an absolute URL"},
		"a malformed one":          {&tokenhttp.Client{URL: "https://platform.invalid/%zz?" + tokenSecret, Bearer: bearer}, tokenprovider.CodeInvalidRequest, "not an absolute URL"},
		"a line break":             {&tokenhttp.Client{URL: "https://platform.invalid/\n" + tokenSecret, Bearer: bearer}, tokenprovider.CodeInvalidRequest, "not an absolute URL"},
		"user info":                {&tokenhttp.Client{URL: "https://user:" + tokenSecret + "@platform.invalid/token", Bearer: bearer}, tokenprovider.CodeInvalidRequest, "user name or password"},
		"a fragment":               {&tokenhttp.Client{URL: "https://platform.invalid/token#" + tokenSecret, Bearer: bearer}, tokenprovider.CodeInvalidRequest, "fragment"},
		"another scheme":           {&tokenhttp.Client{URL: "file://localhost/etc/passwd", Bearer: bearer}, tokenprovider.CodeInvalidRequest, "neither https nor http"},
		"http to another machine":  {&tokenhttp.Client{URL: "http://platform.invalid/token", Bearer: bearer}, tokenprovider.CodeInvalidRequest, "use https, or allow it (AllowHTTP, PROVISIONKIT_ALLOW_HTTP=1)"},
		"http to a look-alike":     {&tokenhttp.Client{URL: "http://localhost.evil.invalid/token", Bearer: bearer}, tokenprovider.CodeInvalidRequest, "use https"},
		"http to a loopback name":  {&tokenhttp.Client{URL: "http://127.0.0.1.evil.invalid/token", Bearer: bearer}, tokenprovider.CodeInvalidRequest, "use https"},
		"a missing bearer":         {&tokenhttp.Client{URL: "http://127.0.0.1:1/token", Bearer: tokenprovider.File("/nonexistent/bearer")}, tokenprovider.CodeUnauthenticated, "/nonexistent/bearer"},
		"an unset bearer":          {&tokenhttp.Client{URL: "http://127.0.0.1:1/token", Bearer: tokenprovider.Env("PROVISIONKIT_TEST_UNSET")}, tokenprovider.CodeUnauthenticated, "PROVISIONKIT_TEST_UNSET"},
		"an unreadable bearer":     {&tokenhttp.Client{URL: "http://127.0.0.1:1/token", Bearer: tokenprovider.File(t.TempDir())}, tokenprovider.CodeUnavailable, "bearer: "},
		"an empty bearer":          {&tokenhttp.Client{URL: "http://127.0.0.1:1/token", Bearer: leased("", time.Time{})}, tokenprovider.CodeUnauthenticated, "the bearer is empty"},
		"a bearer with a newline":  {&tokenhttp.Client{URL: "http://127.0.0.1:1/token", Bearer: leased(bearerSecret+"\nX-Admin: 1", time.Time{})}, tokenprovider.CodeUnauthenticated, "control characters"},
		"a bearer with a return":   {&tokenhttp.Client{URL: "http://127.0.0.1:1/token", Bearer: leased(bearerSecret+"\r", time.Time{})}, tokenprovider.CodeUnauthenticated, "control characters"},
		"a bearer with two words":  {&tokenhttp.Client{URL: "http://127.0.0.1:1/token", Bearer: leased(bearerSecret+" x", time.Time{})}, tokenprovider.CodeUnauthenticated, "white space"},
		"nobody listens":           {&tokenhttp.Client{URL: "http://127.0.0.1:1/token?x=" + tokenSecret, Bearer: bearer}, tokenprovider.CodeUnavailable, "connection refused"},
		"a name without a machine": {&tokenhttp.Client{URL: "https://platform.invalid/token?x=" + tokenSecret, Bearer: bearer}, tokenprovider.CodeUnavailable, "https://platform.invalid/token: "},
	} {
		e := requireCode(t, row.client, row.code, name)
		require.ErrorContains(t, e, row.says, name)
		if row.code != tokenprovider.CodeNotConfigured {
			require.NotErrorIs(t, e, tokenprovider.ErrNotConfigured, "%s: half a configuration is not none", name)
		}
		_, _, err := row.client.RenewBearer(t.Context())
		require.Error(t, err, name)
	}
}

func TestHTTPIsForLoopbackAndForThoseWhoAllowIt(t *testing.T) {
	ok := answering(200, "application/json", `{"token":"`+tokenSecret+`"}`)
	server := endpoint(t, ok)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		c := &tokenhttp.Client{URL: "http://" + host + ":" + port + "/token", Bearer: tokenprovider.Static(bearerSecret)}
		_, _, err := c.Token(t.Context())
		require.NoError(t, err, host)
	}
	// platform.invalid resolves to the server for this client only.
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	defer transport.CloseIdleConnections()
	c := &tokenhttp.Client{URL: "http://platform.invalid/token", Bearer: tokenprovider.Static(bearerSecret), HTTPClient: &http.Client{Transport: transport}}
	requireCode(t, c, tokenprovider.CodeInvalidRequest)
	c.AllowHTTP = true
	_, _, err = c.Token(t.Context())
	require.NoError(t, err)

	secure := httptest.NewUnstartedServer(ok)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs the handshake that the client refuses
	secure.StartTLS()
	defer secure.Close()
	c = &tokenhttp.Client{URL: secure.URL + "/token", Bearer: tokenprovider.Static(bearerSecret), HTTPClient: secure.Client()}
	_, _, err = c.Token(t.Context())
	require.NoError(t, err)
	c.HTTPClient = nil
	require.ErrorContains(t, requireCode(t, c, tokenprovider.CodeUnavailable), "certificate")
	c.URL = strings.Replace(server.URL, "http:", "https:", 1)
	require.ErrorContains(t, requireCode(t, c, tokenprovider.CodeUnavailable), "HTTP response to HTTPS client")
}

// The proxy settings of a process are read once, so that the client runs in one of its own.
func TestAProxyOfTheEnvironmentGetsHTTPSToTunnelAndNothingThatItCouldRead(t *testing.T) {
	if url := os.Getenv("TEST_TOKENHTTP_URL"); url != "" {
		client := &tokenhttp.Client{URL: url, Bearer: tokenprovider.Static(bearerSecret), AllowHTTP: true}
		_, _, err := client.Token(t.Context())
		require.Error(t, err)
		return
	}
	var seen []string
	var mu sync.Mutex
	proxy := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Method+" "+r.Host+" "+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusBadGateway)
	})
	for _, url := range []string{"http://platform.invalid/token", "https://platform.invalid/token"} {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), "TEST_TOKENHTTP_URL="+url, "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
		output, err := child.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	require.Equal(t, []string{"CONNECT platform.invalid:443 "}, seen)
}

func TestEveryAnswerButAGoodOneIsRefused(t *testing.T) {
	const js = "application/json"
	coded := func(code string) string { return `{"error":"quoth the server","code":"` + code + `"}` }
	for name, row := range map[string]struct {
		handler    http.HandlerFunc
		code       tokenprovider.Code
		retryAfter time.Duration
		says       string
	}{
		"401":                             {answering(401, js, coded("unauthenticated")), tokenprovider.CodeUnauthenticated, 0, "401 Unauthorized (unauthenticated)"},
		"403":                             {answering(403, js, coded("forbidden")), tokenprovider.CodeForbidden, 0, "403 Forbidden"},
		"404 of ours":                     {answering(404, js, coded("not_configured")), tokenprovider.CodeNotConfigured, 0, "404 Not Found (not_configured)"},
		"404 with charset":                {answering(404, js+"; charset=utf-8", coded("not_configured")), tokenprovider.CodeNotConfigured, 0, ""},
		"404 of another path":             {answering(404, js, coded("not_found")), tokenprovider.CodeNotFound, 0, ""},
		"404 without code":                {answering(404, js, `{"error":"no GitHub App configured"}`), tokenprovider.CodeUnavailable, 0, "404 Not Found (unavailable)"},
		"404 with a code of others":       {answering(404, js, coded("no_such_route")), tokenprovider.CodeUnavailable, 0, ""},
		"404 in words":                    {answering(404, "text/plain", "404 page not found"), tokenprovider.CodeUnavailable, 0, ""},
		"404 that only looks like ours":   {answering(404, "text/html", coded("not_configured")), tokenprovider.CodeUnavailable, 0, ""},
		"404 of ours, broken":             {answering(404, js, `{"code":"not_configured"`), tokenprovider.CodeUnavailable, 0, ""},
		"404 of ours, too large":          {answering(404, js, `{"code":"not_configured","x":"`+strings.Repeat("x", 65<<10)+`"}`), tokenprovider.CodeUnavailable, 0, ""},
		"400":                             {answering(400, "text/plain", "quoth the server"), tokenprovider.CodeInvalidRequest, 0, "400 Bad Request"},
		"405":                             {answering(405, "text/plain", ""), tokenprovider.CodeInvalidRequest, 0, ""},
		"429":                             {answering(429, "text/plain", "", "Retry-After", "30"), tokenprovider.CodeRateLimited, 30 * time.Second, ""},
		"500 with code":                   {answering(500, js, coded("rate_limited"), "Retry-After", "61"), tokenprovider.CodeRateLimited, 61 * time.Second, "500 Internal Server Error (rate_limited)"},
		"500 without code":                {answering(500, "text/html", "<h1>quoth the server "+tokenSecret+"</h1>"), tokenprovider.CodeUnavailable, 0, ""},
		"502 by a proxy":                  {answering(502, "text/html", "<h1>quoth the server</h1>"), tokenprovider.CodeUnavailable, 0, "502 Bad Gateway"},
		"503":                             {answering(503, js, coded("unavailable"), "Retry-After", "5"), tokenprovider.CodeUnavailable, 5 * time.Second, ""},
		"Retry-After in words":            {answering(503, js, "", "Retry-After", "soon"), tokenprovider.CodeUnavailable, 0, ""},
		"Retry-After negative":            {answering(503, js, "", "Retry-After", "-5"), tokenprovider.CodeUnavailable, 0, ""},
		"Retry-After beyond a day":        {answering(503, js, "", "Retry-After", "9223372036854775807"), tokenprovider.CodeUnavailable, 24 * time.Hour, ""},
		"Retry-After past":                {answering(503, js, "", "Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"), tokenprovider.CodeUnavailable, 0, ""},
		"a status nobody knows":           {answering(799, js, coded("on fire")), tokenprovider.CodeUnavailable, 0, "799"},
		"204":                             {answering(204, js, ""), tokenprovider.CodeUnavailable, 0, "204"},
		"an empty body":                   {answering(200, js, ""), tokenprovider.CodeInternal, 0, "malformed JSON"},
		"not JSON":                        {answering(200, "text/html", `{"token":"`+tokenSecret+`"}`), tokenprovider.CodeInternal, 0, "not JSON"},
		"no content type":                 {answering(200, "", `{"token":"`+tokenSecret+`"}`), tokenprovider.CodeInternal, 0, "not JSON"},
		"half of the JSON":                {answering(200, js, `{"token":"`+tokenSecret), tokenprovider.CodeInternal, 0, "malformed JSON"},
		"two answers":                     {answering(200, js, `{"token":"a"}{"token":"`+tokenSecret+`"}`), tokenprovider.CodeInternal, 0, "malformed JSON"},
		"a list":                          {answering(200, js, `["`+tokenSecret+`"]`), tokenprovider.CodeInternal, 0, "malformed JSON"},
		"null":                            {answering(200, js, `null`), tokenprovider.CodeInternal, 0, "is empty"},
		"no token":                        {answering(200, js, `{"expires_at":"2099-01-01T00:00:00Z"}`), tokenprovider.CodeInternal, 0, "is empty"},
		"an empty token":                  {answering(200, js, `{"token":""}`), tokenprovider.CodeInternal, 0, "is empty"},
		"a token with a newline":          {answering(200, js, `{"token":"`+tokenSecret+`\nhost=evil"}`), tokenprovider.CodeInternal, 0, "control characters"},
		"a token with NUL":                {answering(200, js, `{"token":"`+tokenSecret+`\u0000"}`), tokenprovider.CodeInternal, 0, "control characters"},
		"a token with a space":            {answering(200, js, `{"token":"`+tokenSecret+` x"}`), tokenprovider.CodeInternal, 0, "white space"},
		"a token with other letters":      {answering(200, js, `{"token":"`+tokenSecret+`é"}`), tokenprovider.CodeInternal, 0, ""},
		"an expired token":                {answering(200, js, `{"token":"`+tokenSecret+`","expires_at":"1970-01-01T00:00:00Z"}`), tokenprovider.CodeInternal, 0, "expired at 1970-01-01T00:00:00Z"},
		"milliseconds":                    {answering(200, js, `{"token":"`+tokenSecret+`","expires_at":4070908800000}`), tokenprovider.CodeInternal, 0, "malformed JSON"},
		"a time that isn't RFC 3339":      {answering(200, js, `{"token":"`+tokenSecret+`","expires_at":"quoth the server"}`), tokenprovider.CodeInternal, 0, "RFC 3339"},
		"a gigabyte":                      {endless, tokenprovider.CodeInternal, 0, "larger than 65536 bytes"},
		"one byte too many":               {answering(200, js, `{"token":"a"}`+strings.Repeat(" ", 64<<10-12)), tokenprovider.CodeInternal, 0, "larger than"},
		"a body that breaks off":          {raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + `{"token":"` + tokenSecret + `"}`), tokenprovider.CodeUnavailable, 0, "broke off"},
		"chunks that break off":           {raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n" + `{"token":"abcd"}` + "\r\n"), tokenprovider.CodeUnavailable, 0, ""},
		"no HTTP":                         {raw("quoth the server " + tokenSecret + "\r\n\r\n"), tokenprovider.CodeUnavailable, 0, "no usable answer"},
		"a header that isn't one":         {raw("HTTP/1.1 200 OK\r\nquoth the server " + tokenSecret + "\r\n\r\n"), tokenprovider.CodeUnavailable, 0, ""},
		"a connection that closes":        {raw(""), tokenprovider.CodeUnavailable, 0, "broke off"},
		"an endless header":               {raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)), tokenprovider.CodeUnavailable, 0, ""},
		"a reason of the server's making": {raw("HTTP/1.1 503 quoth the server\r\nContent-Length: 0\r\n\r\n"), tokenprovider.CodeUnavailable, 0, "503 Service Unavailable"},
	} {
		server := endpoint(t, row.handler)
		c := &tokenhttp.Client{URL: server.URL + "/workspaces/ws-1/token?secret=" + tokenSecret, Bearer: tokenprovider.Static(bearerSecret)}
		e := requireCode(t, c, row.code, name)
		require.Equal(t, row.retryAfter, e.RetryAfter, name)
		require.ErrorContains(t, e, row.says, name)
		require.ErrorContains(t, e, "/workspaces/ws-1/token", name)
		require.Equal(t, row.code == tokenprovider.CodeNotConfigured, errors.Is(e, tokenprovider.ErrNotConfigured), name)
		server.Close()
	}
}

// endless sends JSON until the client has had enough.
func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(strings.Repeat(" ", 32<<10))
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// raw sends text instead of an answer and closes the connection.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(text))
	}
}

func TestATokenOfAnyShapeThatFitsIsTaken(t *testing.T) {
	for name, token := range map[string]string{
		"40 characters": tokenSecret, "520 with dots": "ghs_" + strings.Repeat("aB3_-.", 86), "8 KiB": strings.Repeat("x", 8<<10),
	} {
		server := endpoint(t, answering(200, "application/json; charset=utf-8", `{"token":"`+token+`","expires_at":"9999-12-31T23:59:59+01:00","more":[1]}`+"\n"))
		got, expiresAt, err := (&tokenhttp.Client{URL: server.URL + "/token", Bearer: tokenprovider.Static(bearerSecret)}).Token(t.Context())
		require.NoError(t, err, name)
		require.Equal(t, token, got, name)
		require.Equal(t, 9999, expiresAt.Year())
	}
}

func TestNoRedirectIsFollowedAndNoBearerIsSentElsewhere(t *testing.T) {
	var visited atomic.Int64
	elsewhere := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		visited.Add(1)
		answering(200, "application/json", `{"token":"stolen"}`)(w, r)
	})
	follow := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, client := range []*http.Client{nil, follow} {
			server := endpoint(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL+"/token", status) })
			c := &tokenhttp.Client{URL: server.URL + "/token", Bearer: tokenprovider.Static(bearerSecret), HTTPClient: client}
			e := requireCode(t, c, tokenprovider.CodeUnavailable, status)
			require.ErrorContains(t, e, fmt.Sprint(status))
			_, _, err := c.RenewBearer(t.Context())
			require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		}
	}
	require.Zero(t, visited.Load())
}

func TestTheRequestSaysWhatIsNeeded(t *testing.T) {
	var got *http.Request
	server := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		answering(200, "application/json", `{"token":"`+tokenSecret+`"}`)(w, r)
	})
	c := &tokenhttp.Client{URL: server.URL + "/workspaces/a%2Fb/token?tenant=x", Bearer: tokenprovider.Static(bearerSecret)}
	for d, want := range map[time.Duration]string{
		0: "", 10 * time.Minute: "10m0s", 1500 * time.Millisecond: "2s", time.Nanosecond: "1s", math.MaxInt64: "2562047h47m16s",
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

func TestRejectedTokensAreToldUntilTheyAreHandedOutAgain(t *testing.T) {
	var status atomic.Int64
	var told []string
	server := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		told = r.Header.Values("Provisionkit-Rejected")
		answering(int(status.Load()), "application/json", `{"token":"`+tokenSecret+`"}`)(w, r)
	})
	c := &tokenhttp.Client{URL: server.URL + "/token", Bearer: tokenprovider.Static(bearerSecret)}
	delivered, other := tokenprovider.TokenSHA256(tokenSecret), tokenprovider.TokenSHA256("never delivered")
	require.False(t, c.Invalidate("never delivered"))
	require.False(t, c.Invalidate(""))
	status.Store(503)
	for range 3 {
		requireCode(t, c, tokenprovider.CodeUnavailable)
		require.Equal(t, []string{other}, told)
	}
	succeed := func() {
		_, _, err := c.Token(t.Context())
		require.NoError(t, err)
	}
	status.Store(200)
	for range 3 {
		succeed()
		require.Equal(t, []string{other}, told, "another replica may have it still")
	}
	require.True(t, c.Invalidate(tokenSecret))
	require.False(t, c.Invalidate(tokenSecret), "it isn't held any more")
	succeed()
	require.Equal(t, []string{delivered, other}, told, "the newest comes first")
	succeed()
	require.Equal(t, []string{other}, told, "the endpoint knows it, and has no better one")
	require.True(t, c.Invalidate(tokenSecret))
	require.False(t, c.Invalidate("never delivered"))
	succeed()
	require.Equal(t, []string{other, delivered}, told, "each is told once")
	for n := range 20 {
		c.Invalidate(fmt.Sprint("token-", n))
	}
	succeed()
	require.Len(t, told, 16)
	require.Equal(t, tokenprovider.TokenSHA256("token-19"), told[0])
}

func TestARejectionThatComesDuringACallIsToldByTheNext(t *testing.T) {
	var told []string
	var c *tokenhttp.Client
	digest := tokenprovider.TokenSHA256(tokenSecret)
	server := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		told = append(told, r.Header.Get("Provisionkit-Rejected"))
		if len(told) == 2 {
			c.Invalidate(tokenSecret)
		}
		answering(200, "application/json", `{"token":"`+tokenSecret+`"}`)(w, r)
	})
	c = &tokenhttp.Client{URL: server.URL + "/token", Bearer: tokenprovider.Static(bearerSecret)}
	for range 4 {
		_, _, err := c.Token(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, []string{"", "", digest, ""}, told, "that the same token was on its way is no answer to it")
}

func TestARefusedTokenIsReplacedFromEndToEnd(t *testing.T) {
	key := newKey(t)
	platform := tokenprovider.NewCache(&issuer{}, &tokenprovider.CacheOptions{Settle: -1})
	server := serve(t, newHandler(t, key, fixed(platform), nil))
	c := &tokenhttp.Client{URL: server.URL + workspacePath("ws-1"), Bearer: tokenprovider.Static(issue(t, key, "ws-1"))}
	workspace := tokenprovider.NewCache(c, &tokenprovider.CacheOptions{Settle: -1})
	first, _, err := workspace.Token(t.Context())
	require.NoError(t, err)
	require.True(t, tokenprovider.Invalidate(workspace, first))
	second, _, err := workspace.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"token-1", "token-2"}, []string{first, second})
}

func TestRenewBearerAsksBesideTheToken(t *testing.T) {
	key := newKey(t)
	server := serve(t, newHandler(t, key, tokenhttp.FirstProvider(nil), nil))
	for _, path := range []string{"/workspaces/a%2Fb/token", "/workspaces/a%2Fb/github-installation-token", "/workspaces/a%2Fb/token?tenant=x"} {
		old := issue(t, key, "a/b")
		c := &tokenhttp.Client{URL: server.URL + path, Bearer: tokenprovider.Static(old)}
		bearer, expiresAt, err := c.RenewBearer(t.Context())
		require.NoError(t, err, path)
		require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, 5*time.Second)
		p, err := key.Authenticate(bearing(bearer))
		require.NoError(t, err)
		require.Equal(t, "a/b", p.WorkspaceID)
	}
	for _, path := range []string{"", "/", "/workspaces/ws-1/", "/workspaces/ws-1/tokens", "/workspaces/ws-1/bearer", "/token/"} {
		c := &tokenhttp.Client{URL: server.URL + path, Bearer: tokenprovider.Static(bearerSecret)}
		_, _, err := c.RenewBearer(t.Context())
		require.ErrorContains(t, err, "/token or /github-installation-token", path)
		require.Equal(t, tokenprovider.CodeInvalidRequest, tokenprovider.CodeOf(err))
	}
	other := &tokenhttp.Client{URL: server.URL + "/workspaces/ws-2/token", Bearer: tokenprovider.Static(issue(t, key, "ws-1"))}
	_, _, err := other.RenewBearer(t.Context())
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
	admin := &tokenhttp.Client{URL: server.URL + "/admin/github-installation-token", Bearer: tokenprovider.Static(adminSecret)}
	_, _, err = admin.RenewBearer(t.Context())
	require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err), "the mux's own 404 is nobody's answer")

	for name, body := range map[string]string{
		"no expiry": `{"bearer":"` + bearerSecret + `"}`, "no bearer": `{"expires_at":"2099-01-01T00:00:00Z"}`, "expired": `{"bearer":"` + bearerSecret + `","expires_at":"2001-01-01T00:00:00Z"}`,
		"a newline": `{"bearer":"` + bearerSecret + `\n","expires_at":"2099-01-01T00:00:00Z"}`,
	} {
		server := endpoint(t, answering(200, "application/json", body))
		bearer, expiresAt, err := (&tokenhttp.Client{URL: server.URL + "/token", Bearer: tokenprovider.Static("x")}).RenewBearer(t.Context())
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err), name)
		require.Empty(t, testutil.Leak(err.Error(), bearerSecret), name)
		require.Empty(t, bearer)
		require.Zero(t, expiresAt)
	}
}

func TestACallEndsWithItsContextAndWithTheTimeout(t *testing.T) {
	release := make(chan struct{})
	server := endpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	c := &tokenhttp.Client{URL: server.URL + "/token?secret=" + tokenSecret, Bearer: tokenprovider.Static(bearerSecret)}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, _, err := c.Token(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
	require.NotContains(t, err.Error(), tokenSecret)

	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	_, _, err = c.Token(ctx)
	require.ErrorIs(t, err, context.Canceled)

	c.HTTPClient = &http.Client{Timeout: 20 * time.Millisecond}
	require.ErrorContains(t, requireCode(t, c, tokenprovider.CodeUnavailable), "Timeout")
}

func TestAClientServesManyCallersAtOnce(t *testing.T) {
	key := newKey(t)
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), nil))
	c := &tokenhttp.Client{URL: server.URL + workspacePath("ws-1"), Bearer: tokenprovider.Static(issue(t, key, "ws-1"))}
	var callers sync.WaitGroup
	var failures atomic.Int64
	for range 8 {
		callers.Go(func() {
			for range 20 {
				token, _, err := c.Token(t.Context())
				c.Invalidate(token)
				if _, _, renewErr := c.RenewBearer(t.Context()); err != nil || renewErr != nil {
					failures.Add(1)
				}
			}
		})
	}
	callers.Wait()
	require.Zero(t, failures.Load())
}
