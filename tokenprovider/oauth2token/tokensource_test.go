package oauth2token_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// sourceFunc is a function as an x/oauth2 source.
type sourceFunc func() (*oauth2.Token, error)

func (f sourceFunc) Token() (*oauth2.Token, error) { return f() }

func fails(err error) tokenprovider.TokenProvider {
	return tokenprovider.Func(func(context.Context) (string, time.Time, error) { return "", time.Time{}, err })
}

func TestAProviderIsATokenSourceWithItsExpiryAndItsErrors(t *testing.T) {
	expiry := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		p    tokenprovider.TokenProvider
		want *oauth2.Token
		code tokenprovider.Code
	}{
		"an expiry":              {tokenprovider.Func(func(context.Context) (string, time.Time, error) { return "t", expiry, nil }), &oauth2.Token{AccessToken: "t", TokenType: "Bearer", Expiry: expiry}, ""},
		"no known expiry":        {tokenprovider.Static("t"), &oauth2.Token{AccessToken: "t", TokenType: "Bearer"}, ""},
		"none":                   {nil, nil, tokenprovider.CodeNotConfigured},
		"a nil one":              {(*oauth2token.Provider)(nil), nil, tokenprovider.CodeNotConfigured},
		"an empty token":         {tokenprovider.Func(func(context.Context) (string, time.Time, error) { return "", expiry, nil }), nil, tokenprovider.CodeInternal},
		"an expired token":       {tokenprovider.Func(func(context.Context) (string, time.Time, error) { return "t", time.Now(), nil }), nil, tokenprovider.CodeInternal},
		"an error":               {fails(&tokenprovider.Error{Code: tokenprovider.CodeForbidden}), nil, tokenprovider.CodeForbidden},
		"it panics":              {tokenprovider.Func(func(context.Context) (string, time.Time, error) { panic("secret-0123456789abcdef") }), nil, tokenprovider.CodeInternal},
		"it ends its goroutine":  {tokenprovider.Func(func(context.Context) (string, time.Time, error) { runtime.Goexit(); return "", time.Time{}, nil }), nil, tokenprovider.CodeInternal},
		"nothing is configured":  {fails(tokenprovider.ErrNotConfigured), nil, tokenprovider.CodeNotConfigured},
		"the error of a context": {fails(context.DeadlineExceeded), nil, tokenprovider.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := oauth2token.TokenSource(c.p).Token()
			require.Equal(t, c.want, got)
			require.Equal(t, c.code, tokenprovider.CodeOf(err), "%v", err)
			require.NotContains(t, fmt.Sprint(err), "secret-")
		})
	}
}

func TestAProviderThatHangsIsLeftBehindByItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := oauth2token.TokenSource(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			time.Sleep(time.Hour)
			return "t", time.Time{}, nil
		})).Token()
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		require.Equal(t, 30*time.Second, time.Since(began))
		time.Sleep(time.Hour)
	})
}

func TestATokenSourceIsAProviderWithItsExpiryAndItsErrors(t *testing.T) {
	expiry := time.Now().Add(time.Hour).Round(0)
	answer := func(status int, code string) error {
		return fmt.Errorf("wrapped: %w", &oauth2.RetrieveError{
			Response: &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"60"}}},
			Body:     []byte("glrt-0123456789abcdef"), ErrorCode: code, ErrorDescription: "glrt-0123456789abcdef",
		})
	}
	for name, c := range map[string]struct {
		token  *oauth2.Token
		err    error
		expiry time.Time
		code   tokenprovider.Code
		says   string
	}{
		"an expiry":              {&oauth2.Token{AccessToken: "t", Expiry: expiry}, nil, expiry, "", ""},
		"no known expiry":        {&oauth2.Token{AccessToken: "t", TokenType: "bearer"}, nil, time.Time{}, "", ""},
		"no token":               {nil, nil, time.Time{}, tokenprovider.CodeInternal, "no access token"},
		"an empty token":         {&oauth2.Token{}, nil, time.Time{}, tokenprovider.CodeInternal, "no access token"},
		"another type":           {&oauth2.Token{AccessToken: "t", TokenType: "mac"}, nil, time.Time{}, tokenprovider.CodeInternal, `a token of type "mac"`},
		"a line break":           {&oauth2.Token{AccessToken: "t\nX: y"}, nil, time.Time{}, tokenprovider.CodeInternal, "can't be sent in a header"},
		"an expired token":       {&oauth2.Token{AccessToken: "t", Expiry: time.Now()}, nil, time.Time{}, tokenprovider.CodeInternal, "expired at"},
		"an error":               {nil, errors.New("no file"), time.Time{}, tokenprovider.CodeUnavailable, "no file"},
		"the grant is refused":   {nil, answer(400, "invalid_grant"), time.Time{}, tokenprovider.CodeUnauthenticated, "400 Bad Request (invalid_grant)"},
		"a refusal and no more":  {nil, &oauth2.RetrieveError{ErrorCode: "invalid_grant"}, time.Time{}, tokenprovider.CodeUnauthenticated, "invalid_grant"},
		"too many requests":      {nil, answer(429, ""), time.Time{}, tokenprovider.CodeRateLimited, "429"},
		"the forge is down":      {nil, answer(502, ""), time.Time{}, tokenprovider.CodeUnavailable, "502"},
		"the request is refused": {nil, answer(400, ""), time.Time{}, tokenprovider.CodeInvalidRequest, "400"},
	} {
		t.Run(name, func(t *testing.T) {
			p := oauth2token.FromTokenSource(sourceFunc(func() (*oauth2.Token, error) { return c.token, c.err }))
			token, expiresAt, err := p.Token(t.Context())
			require.Equal(t, c.code, tokenprovider.CodeOf(err), "%v", err)
			if c.code == "" {
				require.Equal(t, c.token.AccessToken, token)
				require.Equal(t, c.expiry, expiresAt)
				return
			}
			require.Empty(t, token)
			require.ErrorContains(t, err, c.says)
			require.Empty(t, testutil.Leak(err.Error(), "glrt-0123456789abcdef"))
			var body *oauth2.RetrieveError
			require.False(t, errors.As(err, &body), "it has the body")
		})
	}
	for _, none := range []oauth2.TokenSource{nil, sourceFunc(nil)} {
		_, _, err := oauth2token.FromTokenSource(none).Token(t.Context())
		require.ErrorIs(t, err, tokenprovider.ErrNotConfigured)
	}
}

func TestACallerLeavesATokenSourceThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oauth2token.FromTokenSource(sourceFunc(func() (*oauth2.Token, error) { time.Sleep(time.Hour); return nil, nil }))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := p.Token(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, _, err = p.Token(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Hour)
	})
}

func TestATokenSourceAsAProviderKeepsTheContract(t *testing.T) {
	tokenprovidertest.Run(t, func(*testing.T) tokenprovider.TokenProvider {
		return tokenprovider.NewCache(oauth2token.FromTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token-0123456789"})), nil)
	})
}

func TestAClientOfXOAuth2SendsTheLiveToken(t *testing.T) {
	f, _, p := signedIn(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, f.person(r.Header.Get("Authorization")[len("Bearer "):]))
	}))
	t.Cleanup(server.Close)
	base := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: &oauth2.Transport{Source: oauth2token.TokenSource(p), Base: base}}
	for n := range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.EqualValues(t, 3, resp.ContentLength, "ann's")
		require.NoError(t, resp.Body.Close())
		require.Equal(t, n == 0, p.Invalidate(f.token(t, p)), "one report in five minutes is believed")
	}
}
