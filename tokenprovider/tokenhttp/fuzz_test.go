package tokenhttp_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// FuzzBearer feeds a WorkspaceKey whole Authorization headers. One is admitted
// only when its HMAC holds, computed here by itself, and only as the workspace
// that its claims name.
func FuzzBearer(f *testing.F) {
	key := newKey(f, firstKey, secondKey)
	valid, err := key.Issue("ws-1", 50*365*24*time.Hour)
	require.NoError(f, err)
	head, rest, _ := strings.Cut(valid, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	for _, seed := range []string{
		"Bearer " + valid, "bearer  " + valid, "Bearer " + valid + " ", "Bearer " + valid + "=",
		"Bearer\t" + valid, "Basic " + valid, valid, "Bearer", "",
		"Bearer " + head + "." + claims + ".", "Bearer " + none + "." + claims + ".",
		"Bearer " + none + "." + claims + "." + signature,
		"Bearer " + head + "." + claims + "." + signature + "." + signature, "Bearer ..",
		"Bearer " + valid + "\r\nX: y",
		"Bearer " + issue(f, newKey(f, []byte(strings.Repeat("another key ", 3))), "ws-1"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, authorization string) {
		r := newRequest("GET", "/workspaces/ws-1/token", "")
		r.Header["Authorization"] = []string{authorization}
		principal, err := key.Authenticate(r)
		if err != nil {
			require.ErrorIs(t, err, tokenhttp.ErrUnauthenticated)
			require.Zero(t, principal)
			return
		}
		require.False(t, principal.Admin)
		bearer := authorization[strings.LastIndexByte(authorization, ' ')+1:]
		dot := strings.LastIndexByte(bearer, '.')
		var signed bool
		for _, k := range [][]byte{firstKey, secondKey} {
			mac := hmac.New(sha256.New, k)
			io.WriteString(mac, bearer[:dot])
			signed = signed || bearer[dot+1:] == base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		}
		require.True(t, signed, "a bearer with a wrong signature is admitted")
		_, middle, _ := strings.Cut(bearer[:dot], ".")
		decoded, err := base64.RawURLEncoding.DecodeString(middle)
		require.NoError(t, err)
		var said struct{ Sub string }
		require.NoError(t, json.Unmarshal(decoded, &said))
		require.Equal(t, said.Sub, principal.WorkspaceID)
		require.NotEmpty(t, principal.WorkspaceID)
	})
}

// answers is a transport that answers each request alike.
type answers func() *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := a()
	resp.Request = r
	return resp, nil
}

// FuzzAnswer feeds a Client whatever may stand where the endpoint should: it
// delivers a usable, live token or an error with a code, and the error shows
// nothing of the body.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `<html>`, `{"token":""}`, `{"token":5}`,
		`{"token":"` + tokenSecret + `"}`, `{"token":"` + tokenSecret + `\n"}`,
		`{"token":"` + tokenSecret + `","expires_at":"2126-11-23T19:00:00Z","username":"x-access-token"}`,
		`{"token":"` + tokenSecret + `","expires_at":"2016-11-23T19:00:00Z"}`,
		`{"token":"` + tokenSecret + `","expires_at":"1764000000"}`,
		`{"token":"` + tokenSecret + `","expires_at":"0001-01-01T00:00:00Z"}`,
		`{"token":"` + tokenSecret,
	} {
		f.Add(200, "application/json", "", body)
	}
	for _, code := range []string{"not_configured", "rate_limited", "internal", "made_up"} {
		for _, status := range []int{302, 401, 403, 404, 429, 500, 503} {
			f.Add(status, "application/json; charset=utf-8", "17",
				`{"error":"`+tokenSecret+`","code":"`+code+`"}`)
		}
	}
	f.Add(404, "text/html", "Tue, 24 Nov 2126 00:00:00 GMT", tokenSecret)
	f.Fuzz(func(t *testing.T, status int, contentType, retryAfter, body string) {
		if status < 200 || status > 599 { // net/http delivers no other
			return
		}
		client := &tokenhttp.Client{
			URL:    "https://platform.example/workspaces/ws-1/token",
			Bearer: tokenprovider.Static(bearerSecret),
		}
		client.HTTPClient = &http.Client{Transport: answers(func() *http.Response {
			return &http.Response{StatusCode: status, Header: http.Header{
				"Content-Type": {contentType}, "Retry-After": {retryAfter},
			},
				Body: io.NopCloser(strings.NewReader(body))}
		})}
		token, expiresAt, err := client.Token(t.Context())
		if err == nil {
			require.Equal(t, 200, status)
			require.NotEmpty(t, token)
			require.False(t,
				strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }),
				"a token of more than visible ASCII")
			require.True(t, expiresAt.IsZero() || time.Now().Before(expiresAt), "a dead token")
			return
		}
		require.Empty(t, token)
		require.Zero(t, expiresAt)
		var typed *tokenprovider.Error
		require.ErrorAs(t, err, &typed)
		require.NotEmpty(t, typed.Code)
		require.LessOrEqual(t, typed.RetryAfter, 24*time.Hour)
		require.GreaterOrEqual(t, typed.RetryAfter, time.Duration(0))
		if typed.Code == tokenprovider.CodeNotConfigured {
			var said struct{ Code tokenprovider.Code }
			require.NoError(t, json.Unmarshal([]byte(body), &said))
			require.Equal(t, tokenprovider.CodeNotConfigured, said.Code,
				"only an endpoint that says so isn't configured")
		}
		require.Empty(t, testutil.Leak(err.Error(), tokenSecret, bearerSecret))
	})
}
