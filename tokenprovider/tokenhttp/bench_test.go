package tokenhttp_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// BenchmarkEndpoint measures a token over loopback HTTP, through the mux, a
// WorkspaceKey, the registry and the cache. "ratio" compares it with a bare
// handler that writes the same bytes. The two take turns, so that what else the
// machine does falls on both; an op is one request to each.
func BenchmarkEndpoint(b *testing.B) {
	key := newKey(b)
	registry := provisionhook.NewRegistry()
	registry.Register(newTenants())
	h, err := tokenhttp.NewHandler(tokenhttp.PerWorkspace(registry), key, nil)
	require.NoError(b, err)
	mux := http.NewServeMux()
	h.Mount(mux)
	endpoint := httptest.NewServer(mux)
	defer endpoint.Close()
	bearer := issue(b, key, "ws-1")

	body := []byte(ask(b, endpoint, "GET", "/workspaces/ws-1/token", bearer).body)
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Content-Length", strconv.Itoa(len(body)))
		header.Set("Cache-Control", "no-store")
		header.Set("Pragma", "no-cache")
		header.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(body)
	}))
	defer bare.Close()

	fetch := func(server *httptest.Server) time.Duration {
		req, err := http.NewRequest("GET", server.URL+"/workspaces/ws-1/token", nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		start := time.Now()
		resp, err := server.Client().Do(req)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || int(n) != len(body) {
			b.Fatalf("status %d, %d bytes of %d, %v", resp.StatusCode, n, len(body), err)
		}
		return time.Since(start)
	}
	fetch(bare)
	var ours, floor time.Duration
	b.ReportAllocs()
	for b.Loop() {
		floor += fetch(bare)
		ours += fetch(endpoint)
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "ns/token")
	b.ReportMetric(float64(ours)/float64(floor), "ratio")
}

// BenchmarkAuthenticate measures the share of the WorkspaceKey.
func BenchmarkAuthenticate(b *testing.B) {
	key := newKey(b)
	r := bearing(issue(b, key, "ws-1"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Authenticate(r); err != nil {
			b.Fatal(err)
		}
	}
}
