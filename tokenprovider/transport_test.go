package tokenprovider_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

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
		client := &http.Client{Transport: &tokenprovider.Transport{Provider: asked,
			Base: f.Server.Client().Transport, Hosts: hosts}}
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
	moved := httptest.NewTLSServer(http.RedirectHandler(elsewhere.URL,
		http.StatusTemporaryRedirect))
	t.Cleanup(moved.Close)
	client := &http.Client{Transport: &tokenprovider.Transport{
		Provider: numbered(), Base: moved.Client().Transport,
		Hosts: []string{moved.Listener.Addr().String()},
	}}
	resp, err := client.Post(moved.URL, "text/plain", strings.NewReader("body"))
	requireStatus(t, http.StatusUnauthorized, resp, err)
	require.Equal(t, []string{" body"}, elsewhere.seen())
}

func TestNoTokenLeavesInClear(t *testing.T) {
	sent := 0
	transport := &tokenprovider.Transport{Provider: numbered(),
		Hosts: []string{"api.example", "API.example:8080"}}
	transport.Base = roundTripper(func(*http.Request) (*http.Response, error) {
		sent++
		return nil, errors.New("sent")
	})
	for _, url := range []string{
		"http://api.example/x", "http://API.EXAMPLE:80/x", "http://api.example:8080/x",
	} {
		body := &closing{Reader: strings.NewReader("body")}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
		require.NoError(t, err)
		_, err = transport.RoundTrip(req)
		require.ErrorContains(t, err, "use https")
		require.True(t, body.closed)
	}
	require.Zero(t, sent)
	for _, url := range []string{
		"https://api.example/x", "https://Api.Example:443/x", "https://api.example:8080/x",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		_, err = transport.RoundTrip(req)
		require.EqualError(t, err, "sent")
	}
	require.Equal(t, 3, sent)
}

func TestLoopbackNeedsNoTLS(t *testing.T) {
	for _, host := range []string{
		"127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1", "LOCALHOST:1", "[::1]",
	} {
		var got string
		transport := &tokenprovider.Transport{Provider: numbered(), Hosts: []string{host}}
		transport.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Authorization")
			return nil, errors.New("sent")
		})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/x",
			nil)
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

func TestATransportSaysWhatItLacks(t *testing.T) {
	for text, transport := range map[string]*tokenprovider.Transport{
		"Transport.Provider is nil": {Hosts: []string{"api.example"}},
		"Transport.Hosts is empty":  {Provider: numbered()},
		"the key was refused": {Hosts: []string{"api.example"}, Provider: tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			return "", time.Time{}, coded(tokenprovider.CodeUnauthenticated, "the key was refused")
		})},
	} {
		_, err := (&http.Client{Transport: transport}).Get("https://api.example/x")
		require.ErrorContains(t, err, text)
	}
}

func TestATransportPrintsNoToken(t *testing.T) {
	testutil.RequireRedacted(t, &tokenprovider.Transport{Provider: tokenprovider.Static(secret),
		Hosts: []string{"api.example"}}, secret)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }
