package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// forge is an API that takes one token and refuses all others.
type forge struct {
	*httptest.Server
	mu       sync.Mutex
	accepts  string
	requests []string // Authorization and body of each
}

func newForge(t *testing.T, accepts string) *forge {
	f := &forge{accepts: accepts}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.requests = append(f.requests, r.Header.Get("Authorization")+" "+string(body))
		if r.Header.Get("Authorization") != "Bearer "+f.accepts {
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprint(w, "answer")
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *forge) host() string { return f.Listener.Addr().String() }

func (f *forge) accept(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accepts = token
}

func (f *forge) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.requests...)
}

// client sends through a Transport to f.
func (f *forge) client(p tokenprovider.TokenProvider) *http.Client {
	return &http.Client{Transport: &tokenprovider.Transport{Provider: p, Base: f.Server.Client().Transport, Hosts: []string{f.host()}}}
}

func numbered() *tokenprovider.Cache {
	return tokenprovider.NewCache(&issuer{life: time.Hour}, &tokenprovider.CacheOptions{Settle: -1})
}

func requireStatus(t *testing.T, want int, resp *http.Response, err error) {
	t.Helper()
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, want, resp.StatusCode)
	require.Equal(t, "answer", string(body))
}

func TestARequestToAHostGetsTheTokenAndTheOriginalStaysWithout(t *testing.T) {
	f := newForge(t, "token-1")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Basic old")
	resp, err := f.client(numbered()).Do(req)
	requireStatus(t, http.StatusOK, resp, err)
	require.Equal(t, []string{"Bearer token-1 "}, f.seen())
	require.Equal(t, "Basic old", req.Header.Get("Authorization"))
}

func TestNoTokenLeavesToAnotherHost(t *testing.T) {
	f := newForge(t, "token-1")
	asked := &issuer{life: time.Hour}
	for _, hosts := range [][]string{
		{"127.0.0.1"}, {"127.0.0.1:1"}, {"api.example"}, {"x" + f.host()}, {f.host() + "0"}, {"." + f.host()}, {"*"}, {""},
	} {
		client := &http.Client{Transport: &tokenprovider.Transport{Provider: asked, Base: f.Server.Client().Transport, Hosts: hosts}}
		resp, err := client.Get(f.URL)
		requireStatus(t, http.StatusUnauthorized, resp, err)
	}
	require.Zero(t, asked.calls())
	for _, seen := range f.seen() {
		require.Equal(t, " ", seen)
	}
}

func TestNoTokenFollowsARedirectToAnotherHost(t *testing.T) {
	elsewhere := newForge(t, "nothing")
	moved := httptest.NewTLSServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(moved.Close)
	client := &http.Client{Transport: &tokenprovider.Transport{
		Provider: numbered(), Base: moved.Client().Transport, Hosts: []string{moved.Listener.Addr().String()},
	}}
	resp, err := client.Post(moved.URL, "text/plain", strings.NewReader("body"))
	requireStatus(t, http.StatusUnauthorized, resp, err)
	require.Equal(t, []string{" body"}, elsewhere.seen())
}

func TestNoTokenLeavesInClear(t *testing.T) {
	sent := 0
	transport := &tokenprovider.Transport{Provider: numbered(), Hosts: []string{"api.example", "API.example:8080"}}
	transport.Base = roundTripper(func(*http.Request) (*http.Response, error) { sent++; return nil, errors.New("sent") })
	for _, url := range []string{"http://api.example/x", "http://API.EXAMPLE:80/x", "http://api.example:8080/x"} {
		body := &closing{Reader: strings.NewReader("body")}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
		require.NoError(t, err)
		_, err = transport.RoundTrip(req)
		require.ErrorContains(t, err, "use https")
		require.True(t, body.closed)
	}
	require.Zero(t, sent)
	for _, url := range []string{"https://api.example/x", "https://Api.Example:443/x", "https://api.example:8080/x"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		_, err = transport.RoundTrip(req)
		require.EqualError(t, err, "sent")
	}
	require.Equal(t, 3, sent)
}

func TestLoopbackNeedsNoTLS(t *testing.T) {
	for _, host := range []string{"127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1", "LOCALHOST:1", "[::1]"} {
		var got string
		transport := &tokenprovider.Transport{Provider: numbered(), Hosts: []string{host}}
		transport.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Authorization")
			return nil, errors.New("sent")
		})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/x", nil)
		require.NoError(t, err)
		_, err = transport.RoundTrip(req)
		require.EqualError(t, err, "sent", host)
		require.Equal(t, "Bearer token-1", got)
	}
}

func TestAHostWithoutAPortStandsForTheSchemesOwn(t *testing.T) {
	for url, host := range map[string]string{
		"https://[2001:db8::1]:443/x": "[2001:db8::1]",
		"https://[2001:db8::1]/x":     "[2001:db8::1]:443",
		"http://[::1]:80/x":           "[::1]",
		"https://api.example:443/x":   "api.example",
	} {
		transport := &tokenprovider.Transport{Provider: numbered(), Hosts: []string{host}}
		transport.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
			return nil, errors.New(r.Header.Get("Authorization"))
		})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		_, err = transport.RoundTrip(req)
		require.EqualError(t, err, "Bearer token-1", url)
	}
}

func TestARefusedTokenIsReplacedAndTheRequestSentOnceMore(t *testing.T) {
	f := newForge(t, "token-2")
	tokens := numbered()
	client := f.client(tokens)
	resp, err := client.Post(f.URL, "text/plain", strings.NewReader("body"))
	requireStatus(t, http.StatusOK, resp, err)
	require.Equal(t, []string{"Bearer token-1 body", "Bearer token-2 body"}, f.seen())

	f.accept("nothing")
	resp, err = client.Get(f.URL)
	requireStatus(t, http.StatusUnauthorized, resp, err)
	require.Len(t, f.seen(), 4, "once more, not for ever")
}

func TestARefusalOfAnythingButTheTokenCostsNoToken(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired, http.StatusTooManyRequests, http.StatusBadGateway} {
		requests := 0
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.WriteHeader(status)
		}))
		tokens := numbered()
		client := &http.Client{Transport: &tokenprovider.Transport{Provider: tokens, Base: server.Client().Transport, Hosts: []string{server.Listener.Addr().String()}}}
		resp, err := client.Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		server.Close()
		require.Equal(t, status, resp.StatusCode)
		require.Equal(t, 1, requests, "another token wouldn't be allowed more")
		require.Equal(t, tokenprovider.TokenSHA256("token-1"), tokens.Status().TokenSHA256)
		require.Equal(t, uint64(1), tokens.Status().Mints)
	}
}

func TestABodyThatCannotBeReplayedIsNotSentAgain(t *testing.T) {
	f := newForge(t, "token-2")
	client := f.client(numbered())
	resp, err := client.Post(f.URL, "text/plain", io.MultiReader(strings.NewReader("body")))
	requireStatus(t, http.StatusUnauthorized, resp, err)
	require.Len(t, f.seen(), 1)
	resp, err = client.Get(f.URL) // but the refused token is gone
	requireStatus(t, http.StatusOK, resp, err)
}

func TestATokenThatAnotherRequestInvalidatedIsReplacedToo(t *testing.T) {
	f := newForge(t, "new")
	var asked atomic.Int64
	p := tokenprovider.Func(func(context.Context) (string, time.Time, error) { // Invalidate is false: it can't
		if asked.Add(1) == 1 {
			return "old", time.Time{}, nil
		}
		return "new", time.Time{}, nil
	})
	resp, err := f.client(p).Get(f.URL)
	requireStatus(t, http.StatusOK, resp, err)
}

func TestWithoutAnotherTokenTheRefusalIsTheAnswer(t *testing.T) {
	f := newForge(t, "good")
	resp, err := f.client(tokenprovider.Static("bad")).Get(f.URL)
	requireStatus(t, http.StatusUnauthorized, resp, err)
	require.Len(t, f.seen(), 1)

	source := &issuer{life: time.Hour}
	tokens := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: -1})
	requireToken(t, tokens, "token-1")
	source.breakWith(errors.New("down"))
	resp, err = f.client(tokens).Get(f.URL)
	requireStatus(t, http.StatusUnauthorized, resp, err)
}

func TestATransportSaysWhatItLacks(t *testing.T) {
	for text, transport := range map[string]*tokenprovider.Transport{
		"Transport.Provider is nil": {Hosts: []string{"api.example"}},
		"Transport.Hosts is empty":  {Provider: numbered()},
		"the key was refused": {Hosts: []string{"api.example"}, Provider: tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated, Err: errors.New("the key was refused")}
		})},
	} {
		_, err := (&http.Client{Transport: transport}).Get("https://api.example/x")
		require.ErrorContains(t, err, text)
	}
}

func TestATransportPrintsNoToken(t *testing.T) {
	testutil.RequireRedacted(t, &tokenprovider.Transport{Provider: tokenprovider.Static(secret), Hosts: []string{"api.example"}}, secret)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }
