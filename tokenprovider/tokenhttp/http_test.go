package tokenhttp_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestHTTPIsForLoopbackAndForThoseWhoAllowIt(t *testing.T) {
	ok := answering(200, "application/json", `{"token":"`+tokenSecret+`"}`)
	server := endpoint(t, ok)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		c := &tokenhttp.Client{
			URL:    "http://" + host + ":" + port + "/token",
			Bearer: tokenprovider.Static(bearerSecret),
		}
		_, _, err := c.Token(t.Context())
		require.NoError(t, err, host)
	}
	// platform.invalid resolves to the server for this client only.
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	defer transport.CloseIdleConnections()
	c := &tokenhttp.Client{
		URL: "http://platform.invalid/token", Bearer: tokenprovider.Static(bearerSecret),
		HTTPClient: &http.Client{Transport: transport},
	}
	requireCode(t, c, tokenprovider.CodeInvalidRequest)
	c.AllowHTTP = true
	_, _, err = c.Token(t.Context())
	require.NoError(t, err)

	secure := httptest.NewUnstartedServer(ok)
	// it logs the handshake that the client refuses
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	c = &tokenhttp.Client{
		URL: secure.URL + "/token", Bearer: tokenprovider.Static(bearerSecret),
		HTTPClient: secure.Client(),
	}
	_, _, err = c.Token(t.Context())
	require.NoError(t, err)
	c.HTTPClient = nil
	require.ErrorContains(t, requireCode(t, c, tokenprovider.CodeUnavailable), "certificate")
	c.URL = strings.Replace(server.URL, "http:", "https:", 1)
	require.ErrorContains(t, requireCode(t, c, tokenprovider.CodeUnavailable),
		"HTTP response to HTTPS client")
}

// The proxy settings of a process are read once, so that the client runs in one
// of its own.
func TestAProxyGetsHTTPSToTunnelAndNothingThatItCouldRead(t *testing.T) {
	if url := os.Getenv("TEST_TOKENHTTP_URL"); url != "" {
		client := &tokenhttp.Client{URL: url, Bearer: tokenprovider.Static(bearerSecret), AllowHTTP: true}
		_, _, err := client.Token(t.Context())
		require.Error(t, err)
		if strings.HasPrefix(url, "https:") {
			require.ErrorContains(t, err, "the proxy "+strings.TrimPrefix(os.Getenv("HTTPS_PROXY"), "http://")+" answers 502")
		}
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
		child.Env = append(os.Environ(), "TEST_TOKENHTTP_URL="+url, "HTTP_PROXY="+proxy.URL,
			"HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
		output, err := child.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	require.Equal(t, []string{"CONNECT platform.invalid:443 "}, seen)
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
	c := &tokenhttp.Client{
		URL:    server.URL + "/token?secret=" + tokenSecret,
		Bearer: tokenprovider.Static(bearerSecret),
	}
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
	require.ErrorContains(t, requireCode(t, c, tokenprovider.CodeUnavailable), "no answer in time")
}
