package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// The proxy and the authorities of a process are read once, so that the gateway
// runs in one of its own.
func TestTheForgeIsReachedAsTheEnvironmentSays(t *testing.T) {
	const forgeHost = "github.example.com"
	if os.Getenv("TEST_GATEWAY_CHILD") != "" {
		g, bearer, log := newGateway(t, "https://"+forgeHost+"/api/v3", nil)
		got := httptest.NewRecorder()
		g.ServeHTTP(got, newRequest(t, "GET", "/api/v3/user", bearer, nil))
		fmt.Println(got.Code, got.Body.String(), log.String())
		return
	}
	forge := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // no connection is left in the child
		fmt.Fprint(w, "the forge has seen ", r.Host, " ", r.Header.Get("Authorization") == "Bearer "+secretToken)
	}))
	t.Cleanup(forge.Close)
	own, none := testutil.CertificateFile(t, forge), filepath.Join(t.TempDir(), "none.pem")
	require.NoError(t, os.WriteFile(none, nil, 0o600))
	through := testutil.NewTunnels(t, map[string]string{forgeHost + ":443": forge.Listener.Addr().String()})
	refusing := testutil.NewTunnels(t, nil)
	for name, c := range map[string]struct{ proxy, authorities, says string }{
		"a private authority":  {through.URL, own, "200 the forge has seen " + forgeHost + " true"},
		"an unknown authority": {through.URL, none, "certificate signed by unknown authority"},
		"a proxy that refuses": {refusing.URL, own, "the proxy " + strings.TrimPrefix(refusing.URL, "http://") + " answers 403"},
		"no proxy there":       {"http://127.0.0.1:1", own, "proxyconnect tcp: dial tcp 127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheForgeIsReachedAsTheEnvironmentSays$")
			child.Env = append(os.Environ(), "TEST_GATEWAY_CHILD=1", "HTTPS_PROXY="+c.proxy, "NO_PROXY=",
				"SSL_CERT_FILE="+c.authorities, "SSL_CERT_DIR="+t.TempDir())
			output, err := child.CombinedOutput()
			require.NoError(t, err, "%s", output)
			require.Contains(t, string(output), c.says)
			if c.authorities == own && c.proxy == through.URL {
				return
			}
			require.Contains(t, string(output), "502 ")
			require.Contains(t, string(output), "the forge can't be reached through the gateway")
		})
	}
	require.Equal(t, []string{forgeHost + ":443", forgeHost + ":443"}, through.Asked())
}
