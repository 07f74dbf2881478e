package workspacetest

import (
	"context"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// Gateway is the real one before a [Forge]'s GitHub, at the default port of a
// host name of its own: a proxy leads there whoever has [Gateway.Env].
type Gateway struct {
	*gateway.Gateway
	URL string
	Key *tokenhttp.WorkspaceKey
	Env map[string]string // the proxy and the certificate

	released atomic.Bool
}

// gatewayHost is a name that the certificates of httptest are for.
const gatewayHost = "gateway.example.com"

// NewGateway returns a gateway before f's GitHub, which allows pushes to
// refs/heads/agent/* of acme/widgets and no other repository.
func (f *Forge) NewGateway(t testing.TB) *Gateway {
	t.Helper()
	g := &Gateway{URL: "https://" + gatewayHost, Key: f.Platform.Key}
	hub, err := forge.GitHub(f.GitHub.URL + "/api/v3")
	require.NoError(t, err)
	allow, err := gateway.AllowRefs("refs/heads/agent/*")
	require.NoError(t, err)
	g.Gateway, err = gateway.New(gateway.Options{
		BaseURL: g.URL, Forge: hub, Auth: g.Key, Admit: g.admit, Transport: f.GitHub.Client().Transport,
		Policy: func(_ context.Context, _ tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			if op.Repository != "acme/widgets" && op.Repository != "" {
				return gateway.Grant{}, &gateway.Refusal{Message: "this workspace works on acme/widgets"}
			}
			return gateway.Grant{Provider: f.Tokens}, allow(op)
		},
	})
	require.NoError(t, err)
	server := httptest.NewTLSServer(g.Gateway)
	t.Cleanup(server.Close)
	proxy := testutil.NewTunnels(t, map[string]string{gatewayHost + ":443": server.Listener.Addr().String()})
	ca := testutil.CertificateFile(t, server)
	g.Env = map[string]string{"HTTPS_PROXY": proxy.URL, "SSL_CERT_FILE": ca, "GIT_SSL_CAINFO": ca}
	return g
}

// Release ends all workspaces.
func (g *Gateway) Release() { g.released.Store(true) }

func (g *Gateway) admit(context.Context, tokenhttp.Principal) error {
	if g.released.Load() {
		return tokenhttp.ErrForbidden
	}
	return nil
}

// Wire has a workspace use g: env gets what its mutator writes, and its files
// are written below a folder.
func (g *Gateway) Wire(t testing.TB, env map[string]string, opts gateway.MutatorOptions) {
	t.Helper()
	opts.Key = g.Key
	m, err := g.Mutator(opts)
	require.NoError(t, err)
	maps.Copy(env, g.Env)
	require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
	files := map[string][]byte{}
	require.NoError(t, m.MutateFiles(t.Context(), "ws-1", files))
	for path, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
}

// Workspace returns git in a workspace that has what g's mutator writes and no
// more.
func (g *Gateway) Workspace(t testing.TB, opts gateway.MutatorOptions) *testutil.Git {
	t.Helper()
	git := testutil.NewGit(t)
	if opts.ConfigFile != "" {
		delete(git.Env, "GIT_CONFIG_NOSYSTEM")
	}
	g.Wire(t, git.Env, opts)
	return git
}
