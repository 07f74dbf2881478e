package apiclient_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newClient returns a Client of the API at base, by that HTTP client.
func newClient(t *testing.T, base string, httpClient *http.Client) *apiclient.Client {
	t.Helper()
	return apiclient.New(config(t, base, httpClient))
}

func config(t *testing.T, base string, httpClient *http.Client) apiclient.Config {
	t.Helper()
	u, err := url.Parse(base)
	require.NoError(t, err)
	keys, err := appkey.Parse(testutil.RSAKeyPEM(t, 0))
	require.NoError(t, err)
	return apiclient.Config{
		App: "Iv1.x", Keys: appkey.NewRing(keys), BaseURL: u, HTTPClient: httpClient,
		APIVersion: "2022-11-28", UserAgent: "test", Timeout: time.Minute, Logger: foreign.Logger(nil),
	}
}

// serve returns a Client of a server that answers as h does, and how many
// requests came.
func serve(t *testing.T, h http.HandlerFunc) (c *apiclient.Client, requests *int) {
	t.Helper()
	requests = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests++
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return newClient(t, s.URL+"/api/v3", s.Client()), requests
}

var lookup = apiclient.Request{Method: http.MethodGet, Path: "/app", Want: http.StatusOK}

func TestARequestCarriesTheJWTOrTheTokenThatItIsMadeWith(t *testing.T) {
	var header http.Header
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String()+" "+string(body))
	})
	got, err := c.Do(t.Context(), lookup)
	require.NoError(t, err)
	require.Equal(t, "GET /api/v3/app ", string(got.Body))
	jwt, expiresAt, err := c.JWT(t.Context())
	require.NoError(t, err)
	require.Positive(t, time.Until(expiresAt))
	require.Equal(t, "Bearer "+jwt, header.Get("Authorization"))
	require.Equal(t, "2022-11-28", header.Get("X-GitHub-Api-Version"))
	require.Equal(t, "test", header.Get("User-Agent"))

	got, err = c.DoWithToken(t.Context(), "ghs_0123456789abcdef", apiclient.Request{
		Method: http.MethodPost, Path: "/x?y=1", Body: []byte(`{}`), Want: http.StatusOK,
	})
	require.NoError(t, err)
	require.Equal(t, "POST /api/v3/x?y=1 {}", string(got.Body))
	require.Equal(t, "Bearer ghs_0123456789abcdef", header.Get("Authorization"))
	require.Equal(t, "application/json", header.Get("Content-Type"))
}

func TestARefusalIsWhatGitHubSaidWithWhatToDo(t *testing.T) {
	c, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-GitHub-Request-Id", "1:2")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"message":"This installation has been suspended","documentation_url":"https://docs.github.com/x"}`)
	})
	_, err := c.Do(t.Context(), lookup)
	failure, ok := errors.AsType[*apiclient.Error](err)
	require.True(t, ok)
	require.Equal(t, &apiclient.Refusal{
		Status: 403, Message: "This installation has been suspended", RequestID: "1:2",
		DocumentationURL: "https://docs.github.com/x", Method: "GET", Path: "/app",
	}, failure.Refusal)
	require.True(t, failure.Refusal.Suspended())
	require.False(t, failure.Refusal.Gone())
	require.Equal(t, tokenprovider.CodeForbidden, failure.Code)
	require.EqualError(t, err, "GET /app: 403 This installation has been suspended (request id 1:2); "+
		"an owner of the account has to unsuspend it under Settings, GitHub Apps")
	require.Equal(t, 1, *requests)
}

func TestARateLimitHoldsBackWhatTheAppAsksFor(t *testing.T) {
	c, requests := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	for range 3 {
		_, err := c.Do(t.Context(), lookup)
		failure, ok := errors.AsType[*apiclient.Error](err)
		require.True(t, ok)
		require.Equal(t, tokenprovider.CodeRateLimited, failure.Code)
		require.InDelta(t, 30, failure.RetryAfter.Seconds(), 2)
	}
	require.Equal(t, 1, *requests)
}

// answers is a transport that answers with that status and message.
type answers func() (status int, message string)

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	status, message := a()
	body := io.NopCloser(strings.NewReader(`{"message":"` + message + `"}`))
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: body}, nil
}

func TestWhatACallerGaveUpSaysNothingOfGitHub(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int64
		c := newClient(t, "https://api.github.com", &http.Client{Transport: answers(func() (int, string) {
			requests.Add(1)
			time.Sleep(10 * time.Second)
			return 200, ""
		})})
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := c.Do(ctx, lookup)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		require.EqualValues(t, 10, requests.Load())
		time.Sleep(time.Minute)
	})
}

func TestTheEndOfAnAPIVersionIsNoWordOnAnInstallation(t *testing.T) {
	for message, ended := range map[string]bool{
		"This API version is no longer supported. Please use a newer version.": true,
		"The X-GitHub-Api-Version that was requested is not supported.":        true,
		"Gone": false,
	} {
		c := newClient(t, "https://api.github.com", &http.Client{Transport: answers(func() (int, string) { return 410, message })})
		_, err := c.Do(t.Context(), lookup)
		failure, ok := errors.AsType[*apiclient.Error](err)
		require.True(t, ok)
		require.Equal(t, !ended, failure.Refusal.Gone())
		if ended {
			require.Equal(t, tokenprovider.CodeInvalidRequest, failure.Code)
			require.ErrorContains(t, err, "Options.APIVersion")
		} else {
			require.Equal(t, tokenprovider.CodeNotFound, failure.Code)
		}
	}
}

func TestACertificateThatIsNotTrustedIsSaidToBeThat(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer s.Close()
	_, err := newClient(t, s.URL, &http.Client{Transport: &http.Transport{}}).Do(t.Context(), lookup)
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	require.True(t, ok)
	require.ErrorContains(t, err, `of "O=Acme Co"; name that authority's certificate in the file that SSL_CERT_FILE names, or in Options.HTTPClient`)
}

func TestNoErrorHoldsAProxysPassword(t *testing.T) {
	for _, text := range []string{
		`proxyconnect tcp: parse "http://svc:hunter2%zz@proxy.example:3128": invalid URL escape`,
		`invalid proxy address "http://svc:hunter2/x@proxy.example:3128"`,
		"proxyconnect tcp: dial socks5://svc:hunter2@127.0.0.1:1: refused",
	} {
		c := newClient(t, "https://api.github.com", &http.Client{Transport: &http.Transport{
			Proxy: func(*http.Request) (*url.URL, error) { return nil, errors.New(text) },
		}})
		_, err := c.Do(t.Context(), lookup)
		require.ErrorContains(t, err, "[redacted]@")
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestWhatGitHubToldIsInTheUsage(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-RateLimit-Limit", "5000")
		w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(4000+len(r.URL.Path)))
		if r.URL.Path != "/api/v3/app" {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"message":"You have exceeded a secondary rate limit"}`)
		}
	})
	limits, _ := c.Usage()
	require.Empty(t, limits)
	_, err := c.Do(t.Context(), lookup)
	require.NoError(t, err)
	limits, _ = c.Usage()
	require.Len(t, limits, 1)
	require.Equal(t, 4011, limits[0].Remaining)
	_, err = c.DoWithToken(t.Context(), "ghs_0123456789abcdef", apiclient.Request{Method: http.MethodGet, Path: "/x", Want: http.StatusOK, Subject: "acme"})
	failure, ok := errors.AsType[*apiclient.Error](err)
	require.True(t, ok)
	require.True(t, failure.Secondary)
	limits, holds := c.Usage()
	require.Len(t, limits, 2)
	require.Empty(t, holds, "a token's limit is its account's")
	_, err = c.Do(t.Context(), apiclient.Request{Method: http.MethodGet, Path: "/x", Want: http.StatusOK})
	require.Error(t, err)
	_, holds = c.Usage()
	require.Len(t, holds, 1)
	require.Equal(t, "app", holds[0].Subject)
	require.Equal(t, tokenprovider.CodeRateLimited, holds[0].Code)
}

// broken is an HTTP transport or the body of an answer that does something else
// than it should.
type broken func()

func (b broken) RoundTrip(*http.Request) (*http.Response, error) {
	b()
	return nil, errors.New("late")
}

func (b broken) Read([]byte) (int, error) { b(); return 0, io.EOF }
func (b broken) Close() error             { return nil }

// bodiless is a transport whose answers have a broken body.
type bodiless struct{ broken }

func (b bodiless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: b.broken}, nil
}

func TestAnHTTPClientThatBreaksIsAnErrorAndHoldsNobodyUp(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	for name, c := range map[string]struct {
		does broken
		code tokenprovider.Code
		says string
	}{
		"panics":             {func() { panic("ghs_secret") }, tokenprovider.CodeInternal, "the HTTP client panicked: a value of type string"},
		"ends its goroutine": {func() { runtime.Goexit() }, tokenprovider.CodeInternal, "the HTTP client ended its goroutine"},
		"heeds no context":   {func() { time.Sleep(time.Hour) }, tokenprovider.CodeUnavailable, "context deadline exceeded (no answer in time)"},
	} {
		for where, transport := range map[string]http.RoundTripper{"asked": c.does, "read": bodiless{c.does}} {
			t.Run(name+" when "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client := newClient(t, "https://api.github.com", &http.Client{Transport: transport})
					began := time.Now()
					_, err := client.Do(t.Context(), lookup)
					require.LessOrEqual(t, time.Since(began), time.Minute)
					failure, ok := errors.AsType[*apiclient.Error](err)
					require.True(t, ok, "%T", err)
					require.Equal(t, c.code, failure.Code)
					require.ErrorContains(t, err, c.says)
					require.ErrorContains(t, err, "GET https://api.github.com/app")
					require.False(t, strings.Contains(err.Error(), "ghs_secret"))
					time.Sleep(time.Hour) // for the goroutine to end
				})
			})
		}
	}
}
