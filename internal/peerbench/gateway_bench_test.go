package peerbench

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	hub "github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// BenchmarkBeforeAForge makes a call of a forge's API, small or with a large
// answer, through the gateway, a bare httputil.ReverseProxy and nginx, over TLS.
// All three take turns, in another order each time: whoever comes after nginx, which
// is a process of its own, finds this one asleep. x-ReverseProxy is the median of the
// ratios.
func BenchmarkBeforeAForge(b *testing.B) {
	for name, size := range map[string]int64{"small": 30, "100MB": 100 << 20} {
		b.Run(name, func(b *testing.B) {
			origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/octet-stream")
				w.Header().Set("Content-Length", fmt.Sprint(size))
				_, _ = io.CopyN(w, zeros{}, size)
			}))
			b.Cleanup(origin.Close)
			fronts := []front{newGateway(b, origin.URL), newReverseProxy(b, origin.URL), newNginx(b, origin.URL)}
			ratios := make([][]float64, len(fronts))
			turn := func() []float64 {
				took := make([]float64, len(fronts))
				for _, n := range rand.Perm(len(fronts)) {
					start := time.Now()
					fronts[n].call(b, size)
					took[n] = float64(time.Since(start))
				}
				return took
			}
			for range 5 {
				turn()
			}
			for b.Loop() {
				took := turn()
				for n := range fronts {
					ratios[n] = append(ratios[n], took[n]/took[1])
				}
			}
			for n, f := range fronts {
				slices.SortFunc(ratios[n], cmp.Compare[float64])
				b.ReportMetric(ratios[n][len(ratios[n])/2], f.name+"-x-ReverseProxy")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// front is what stands before the forge.
type front struct {
	name, url, bearer string
	client            *http.Client
}

func (f front) call(b *testing.B, size int64) {
	r, err := http.NewRequest(http.MethodGet, f.url+"/api/v3/repos/acme/widgets", http.NoBody)
	require.NoError(b, err)
	r.Header.Set("Authorization", "Bearer "+f.bearer)
	resp, err := f.client.Do(r)
	if err != nil {
		b.Fatal(f.name, err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != size || resp.StatusCode != http.StatusOK {
		b.Fatal(f.name, resp.Status, n, err)
	}
}

func newGateway(b *testing.B, origin string) front {
	github, err := hub.GitHub(origin + "/api/v3")
	require.NoError(b, err)
	key, err := tokenhttp.NewWorkspaceKey([]byte("a key for tests, of no less than 32 bytes"))
	require.NoError(b, err)
	bearer, err := key.Issue("ws-1", 0)
	require.NoError(b, err)
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	b.Cleanup(server.Close)
	gw, err := gateway.New(gateway.Options{
		BaseURL: server.URL, Forge: github, Auth: key,
		Admit: func(context.Context, tokenhttp.Principal) error { return nil },
		Policy: func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: tokenprovider.Static("ghs_token")}, nil
		},
	})
	require.NoError(b, err)
	server.Config.Handler = gw
	return front{"gateway", server.URL, bearer, server.Client()}
}

func newReverseProxy(b *testing.B, origin string) front {
	target, err := url.Parse(origin)
	require.NoError(b, err)
	server := httptest.NewTLSServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("Authorization", "Bearer ghs_token")
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	})
	b.Cleanup(server.Close)
	return front{"ReverseProxy", server.URL, "", server.Client()}
}

// newNginx starts an nginx that adds a token, with connections that it keeps.
func newNginx(b *testing.B, origin string) front {
	nginx, folder := testutil.NeedTool(b, "nginx"), b.TempDir()
	pair := httptest.NewTLSServer(nil)
	defer pair.Close()
	key, err := x509.MarshalPKCS8PrivateKey(pair.TLS.Certificates[0].PrivateKey)
	require.NoError(b, err)
	for name, block := range map[string]*pem.Block{
		"pem": {Type: "CERTIFICATE", Bytes: pair.Certificate().Raw}, "key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		require.NoError(b, os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600))
	}
	temporary := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += kind + "_temp_path " + folder + "/" + kind + ";\n"
	}
	address := "127.0.0.1:" + doctest.FreePort(b)
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; events {}
http {
	access_log off;
	%[2]s
	upstream origin { server %[3]s; keepalive 64; }
	server {
		listen %[4]s ssl;
		ssl_certificate %[1]s/pem;
		ssl_certificate_key %[1]s/key;
		keepalive_requests 1000000;
		location / {
			proxy_pass http://origin;
			proxy_http_version 1.1;
			proxy_buffering off;
			proxy_set_header Connection "";
			proxy_set_header Authorization "Bearer ghs_token";
		}
	}
}
`, folder, temporary, origin[len("http://"):], address)
	file := filepath.Join(folder, "nginx.conf")
	require.NoError(b, os.WriteFile(file, []byte(config), 0o600))
	cmd := exec.Command(nginx, "-p", folder, "-c", file, "-e", "stderr")
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	testutil.AwaitListener(b, address)
	return front{"nginx", "https://" + address, "", pair.Client()}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
