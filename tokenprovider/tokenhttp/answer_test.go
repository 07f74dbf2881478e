package tokenhttp_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestEveryAnswerButAGoodOneIsRefused(t *testing.T) {
	const (
		notConfigured   = tokenprovider.CodeNotConfigured
		unauthenticated = tokenprovider.CodeUnauthenticated
		forbidden       = tokenprovider.CodeForbidden
		notFound        = tokenprovider.CodeNotFound
		invalid         = tokenprovider.CodeInvalidRequest
		limited         = tokenprovider.CodeRateLimited
		unavailable     = tokenprovider.CodeUnavailable
		internal        = tokenprovider.CodeInternal
	)
	const js = "application/json"
	coded := func(code string) string { return `{"error":"quoth the server","code":"` + code + `"}` }
	for name, row := range map[string]struct {
		handler    http.HandlerFunc
		code       tokenprovider.Code
		retryAfter time.Duration
		says       string
	}{
		"401": {
			answering(401, js, coded("unauthenticated")), unauthenticated, 0,
			"401 Unauthorized (unauthenticated)",
		},
		"403": {answering(403, js, coded("forbidden")), forbidden, 0, "403 Forbidden"},
		"404 of ours": {
			answering(404, js, coded("not_configured")), notConfigured, 0,
			"404 Not Found (not_configured)",
		},
		"404 with charset": {
			answering(404, js+"; charset=utf-8", coded("not_configured")), notConfigured, 0, "",
		},
		"404 of another path": {answering(404, js, coded("not_found")), notFound, 0, ""},
		"404 without code": {
			answering(404, js, `{"error":"no GitHub App configured"}`), unavailable, 0,
			"404 Not Found (unavailable)",
		},
		"404 with a code of others":     {answering(404, js, coded("no_such_route")), unavailable, 0, ""},
		"404 in words":                  {answering(404, "text/plain", "404 page not found"), unavailable, 0, ""},
		"404 that only looks like ours": {answering(404, "text/html", coded("not_configured")), unavailable, 0, ""},
		"404 of ours, broken":           {answering(404, js, `{"code":"not_configured"`), unavailable, 0, ""},
		"404 of ours, too large": {
			answering(404, js, `{"code":"not_configured","x":"`+strings.Repeat("x", 65<<10)+`"}`),
			unavailable, 0, "",
		},
		"400": {answering(400, "text/plain", "quoth the server"), invalid, 0, "400 Bad Request"},
		"405": {answering(405, "text/plain", ""), invalid, 0, ""},
		"429": {
			answering(429, "text/plain", "", "Retry-After", "30"), limited, 30 * time.Second, "",
		},
		"500 with code": {
			answering(500, js, coded("rate_limited"), "Retry-After", "61"), limited,
			61 * time.Second, "500 Internal Server Error (rate_limited)",
		},
		"500 without code": {
			answering(500, "text/html", "<h1>quoth the server "+tokenSecret+"</h1>"), unavailable,
			0, "",
		},
		"502 by a proxy": {
			answering(502, "text/html", "<h1>quoth the server</h1>"), unavailable, 0,
			"502 Bad Gateway",
		},
		"503": {
			answering(503, js, coded("unavailable"), "Retry-After", "5"), unavailable,
			5 * time.Second, "",
		},
		"Retry-After in words": {answering(503, js, "", "Retry-After", "soon"), unavailable, 0, ""},
		"Retry-After negative": {answering(503, js, "", "Retry-After", "-5"), unavailable, 0, ""},
		"Retry-After beyond a day": {
			answering(503, js, "", "Retry-After", "9223372036854775807"), unavailable,
			24 * time.Hour, "",
		},
		"Retry-After past": {
			answering(503, js, "", "Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"), unavailable, 0,
			"",
		},
		"a status nobody knows": {answering(799, js, coded("on fire")), unavailable, 0, "799"},
		"204":                   {answering(204, js, ""), unavailable, 0, "204"},
		"an empty body":         {answering(200, js, ""), internal, 0, "malformed JSON"},
		"not JSON": {
			answering(200, "text/html", `{"token":"`+tokenSecret+`"}`), internal, 0, "not JSON",
		},
		"no content type":  {answering(200, "", `{"token":"`+tokenSecret+`"}`), internal, 0, "not JSON"},
		"half of the JSON": {answering(200, js, `{"token":"`+tokenSecret), internal, 0, "malformed JSON"},
		"two answers": {
			answering(200, js, `{"token":"a"}{"token":"`+tokenSecret+`"}`), internal, 0,
			"malformed JSON",
		},
		"a list": {answering(200, js, `["`+tokenSecret+`"]`), internal, 0, "malformed JSON"},
		"null":   {answering(200, js, `null`), internal, 0, "is empty"},
		"no token": {
			answering(200, js, `{"expires_at":"2099-01-01T00:00:00Z"}`), internal, 0, "is empty",
		},
		"an empty token": {answering(200, js, `{"token":""}`), internal, 0, "is empty"},
		"a token with a newline": {
			answering(200, js, `{"token":"`+tokenSecret+`\nhost=evil"}`), internal, 0,
			"control characters",
		},
		"a token with NUL": {
			answering(200, js, `{"token":"`+tokenSecret+`\u0000"}`), internal, 0,
			"control characters",
		},
		"a token with a space":       {answering(200, js, `{"token":"`+tokenSecret+` x"}`), internal, 0, "white space"},
		"a token with other letters": {answering(200, js, `{"token":"`+tokenSecret+`é"}`), internal, 0, ""},
		"an expired token": {
			answering(200, js, `{"token":"`+tokenSecret+`","expires_at":"1970-01-01T00:00:00Z"}`),
			internal, 0, "expired at 1970-01-01T00:00:00Z",
		},
		"milliseconds": {
			answering(200, js, `{"token":"`+tokenSecret+`","expires_at":4070908800000}`), internal,
			0, "malformed JSON",
		},
		"a time that isn't RFC 3339": {
			answering(200, js, `{"token":"`+tokenSecret+`","expires_at":"quoth the server"}`),
			internal, 0, "RFC 3339",
		},
		"a gigabyte": {endless, internal, 0, "larger than 65536 bytes"},
		"one byte too many": {
			answering(200, js, `{"token":"a"}`+strings.Repeat(" ", 64<<10-12)), internal, 0,
			"larger than",
		},
		"a body that breaks off": {
			raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + `{"token":"` + tokenSecret + `"}`),
			unavailable, 0, "broke off",
		},
		"chunks that break off": {
			raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n" + `{"token":"abcd"}` + "\r\n"),
			unavailable, 0, "",
		},
		"no HTTP": {
			raw("quoth the server " + tokenSecret + "\r\n\r\n"), unavailable, 0, "no usable answer",
		},
		"a header that isn't one": {
			raw("HTTP/1.1 200 OK\r\nquoth the server " + tokenSecret + "\r\n\r\n"), unavailable, 0,
			"",
		},
		"a connection that closes": {raw(""), unavailable, 0, "broke off"},
		"an endless header":        {raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)), unavailable, 0, ""},
		"a reason of the server's making": {
			raw("HTTP/1.1 503 quoth the server\r\nContent-Length: 0\r\n\r\n"), unavailable, 0,
			"503 Service Unavailable",
		},
	} {
		server := endpoint(t, row.handler)
		c := &tokenhttp.Client{
			URL:    server.URL + "/workspaces/ws-1/token?secret=" + tokenSecret,
			Bearer: tokenprovider.Static(bearerSecret),
		}
		e := requireCode(t, c, row.code, name)
		require.Equal(t, row.retryAfter, e.RetryAfter, name)
		require.ErrorContains(t, e, row.says, name)
		require.ErrorContains(t, e, "/workspaces/ws-1/token", name)
		require.Equal(t, row.code == notConfigured, errors.Is(e, tokenprovider.ErrNotConfigured), name)
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
		"40 characters": tokenSecret, "520 with dots": "ghs_" + strings.Repeat("aB3_-.", 86),
		"8 KiB": strings.Repeat("x", 8<<10),
	} {
		server := endpoint(t,
			answering(200, "application/json; charset=utf-8",
				`{"token":"`+token+`","expires_at":"9999-12-31T23:59:59+01:00","more":[1]}`+"\n"))
		got, expiresAt, err := (&tokenhttp.Client{
			URL: server.URL + "/token", Bearer: tokenprovider.Static(bearerSecret),
		}).Token(t.Context())
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
			server := endpoint(t,
				func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, elsewhere.URL+"/token", status)
				})
			c := &tokenhttp.Client{
				URL: server.URL + "/token", Bearer: tokenprovider.Static(bearerSecret),
				HTTPClient: client,
			}
			e := requireCode(t, c, tokenprovider.CodeUnavailable, status)
			require.ErrorContains(t, e, fmt.Sprint(status))
		}
	}
	require.Zero(t, visited.Load())
}
