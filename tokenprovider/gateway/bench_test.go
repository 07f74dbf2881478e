package gateway_test

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// BenchmarkAPICall measures a small call of the API through the gateway, with a
// WorkspaceKey. "ratio" compares it with the same call through a bare
// httputil.ReverseProxy. The two take turns, and it is the median of what each
// turn's two took: what else the machine does falls on both, or on few turns.
func BenchmarkAPICall(b *testing.B) {
	forgeServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, `{"full_name":"acme/widgets"}`)
	}))
	b.Cleanup(forgeServer.Close)
	hub, err := forge.GitHub(forgeServer.URL + "/api/v3")
	require.NoError(b, err)
	key, err := tokenhttp.NewWorkspaceKey([]byte("a key for tests, of no less than 32 bytes"))
	require.NoError(b, err)
	bearer, err := key.Issue("ws-1", 0)
	require.NoError(b, err)
	front := httptest.NewUnstartedServer(nil)
	front.StartTLS()
	b.Cleanup(front.Close)
	gw, err := gateway.New(gateway.Options{
		BaseURL: front.URL, Forge: hub, Auth: key,
		Admit: func(context.Context, tokenhttp.Principal) error { return nil },
		Policy: func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: tokenprovider.Static("ghs_token")}, nil
		},
	})
	require.NoError(b, err)
	front.Config.Handler = gw
	target, err := url.Parse(forgeServer.URL)
	require.NoError(b, err)
	bare := httptest.NewTLSServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	})
	b.Cleanup(bare.Close)

	call := func(server *httptest.Server) time.Duration {
		r, err := http.NewRequest(http.MethodGet, server.URL+"/api/v3/repos/acme/widgets", http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+bearer)
		start := time.Now()
		resp, err := server.Client().Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatalf("status %d, %v", resp.StatusCode, err)
		}
		return time.Since(start)
	}
	var took turns
	for range 100 { // connections, and what is made once
		took.add(call(front), call(bare))
	}
	took = nil
	for b.Loop() {
		took.add(call(front), call(bare))
	}
	took.report(b)
}

// turns are how long the same took through the gateway and without it.
type turns []turn

type turn struct{ gateway, other time.Duration }

func (t *turns) add(gateway, other time.Duration) { *t = append(*t, turn{gateway, other}) }

// report reports the medians: of the time through the gateway, and of the ratio.
func (t turns) report(b *testing.B) {
	slices.SortFunc(t, func(x, y turn) int { return cmp.Compare(x.gateway, y.gateway) })
	b.ReportMetric(float64(t[len(t)/2].gateway), "ns/gateway")
	slices.SortFunc(t, func(x, y turn) int { return cmp.Compare(x.ratio(), y.ratio()) })
	b.ReportMetric(t[len(t)/2].ratio(), "ratio")
}

func (t turn) ratio() float64 { return float64(t.gateway) / float64(t.other) }
