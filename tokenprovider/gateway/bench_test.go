package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// BenchmarkAPICall compares a small call of the API through the gateway with the
// same through a bare httputil.ReverseProxy, in turn.
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
	for name, server := range map[string]*httptest.Server{"gateway": front, "bare": bare} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			client := server.Client()
			for b.Loop() {
				r, err := http.NewRequest(http.MethodGet, server.URL+"/api/v3/repos/acme/widgets", http.NoBody)
				require.NoError(b, err)
				r.Header.Set("Authorization", "Bearer "+bearer)
				resp, err := client.Do(r)
				require.NoError(b, err)
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				require.Equal(b, 200, resp.StatusCode)
			}
		})
	}
}
