package gateway_test

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// platform is a gateway before a GitHub of its own.
type platform struct {
	*gateway.Gateway
	github  *githubapptest.Server
	app     *githubapp.App
	url     string
	server  *httptest.Server
	key     *tokenhttp.WorkspaceKey
	options gateway.Options
	client  *http.Client
	log     *testutil.Capture
	ca      string            // the file of the gateway's certificate
	network map[string]string // by which workspaces reach it

	mu      sync.Mutex
	records []gateway.AuditRecord
}

// The app at the forge, and its installation on acme.
const appID, installationID = 12, 345

func newPlatform(t testing.TB, edit func(p *platform, o *gateway.Options)) *platform {
	t.Helper()
	github, err := githubapptest.NewServer(&githubapptest.Options{TLS: true})
	require.NoError(t, err)
	t.Cleanup(github.Close)
	for _, repository := range []string{"acme/widgets", "acme/gadgets"} {
		_, err := github.AddRepository(repository)
		require.NoError(t, err)
	}
	github.AddApp(githubapptest.App{ID: appID, Keys: []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey}})
	github.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme"})
	p := &platform{github: github, log: testutil.NewCapture(t)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.log.String())
		}
	})

	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	p.url = "https://127.0.0.1:" + port

	p.key, err = tokenhttp.NewWorkspaceKey([]byte("a key for tests, of no less than 32 bytes"))
	require.NoError(t, err)
	hub, err := forge.GitHub(github.URL + "/api/v3")
	require.NoError(t, err)
	p.app, err = githubapp.New(githubapp.Options{
		AppID: appID, PrivateKey: testutil.RSAKeyPEM(t, 0), BaseURL: github.URL, HTTPClient: github.Client(),
	})
	require.NoError(t, err)
	allow, err := gateway.AllowRefs("refs/heads/agent/*")
	require.NoError(t, err)
	installation := p.app.Installation(installationID)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(github.CertPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	p.options = gateway.Options{
		BaseURL: p.url, Forge: hub, Auth: p.key,
		Policy: func(_ context.Context, _ tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: installation}, allow(op)
		},
		Admit:     func(context.Context, tokenhttp.Principal) error { return nil },
		Transport: transport,
		Audit: func(_ context.Context, r gateway.AuditRecord) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.records = append(p.records, r)
		},
		Logger: p.log.Logger(),
	}
	if edit != nil {
		edit(p, &p.options)
	}
	p.Gateway, err = gateway.New(p.options)
	require.NoError(t, err)
	server.Config.Handler = p.Gateway
	server.StartTLS()
	t.Cleanup(server.Close)
	p.server, p.client = server, server.Client()
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p.ca = testutil.CertificateFile(t, server)
	return p
}

// hostname is the gateway's where workspaces reach it by one. Servers of httptest
// have a certificate for it.
const hostname = "gateway.example.com"

// reachAt has workspaces reach the gateway by its host name, at port 443, through
// a proxy which knows that this is at address: nobody needs that port here.
func (p *platform) reachAt(t *testing.T, address string) {
	t.Helper()
	tunnels := testutil.NewTunnels(t, map[string]string{hostname + ":443": address})
	p.network = map[string]string{"HTTPS_PROXY": tunnels.URL, "SSL_CERT_FILE": p.ca}
	proxy, err := url.Parse(tunnels.URL)
	require.NoError(t, err)
	transport := p.client.Transport.(*http.Transport).Clone()
	transport.Proxy = http.ProxyURL(proxy)
	t.Cleanup(transport.CloseIdleConnections)
	p.client.Transport = transport
}

// audited returns the records so far.
func (p *platform) audited() []gateway.AuditRecord {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]gateway.AuditRecord(nil), p.records...)
}

// refs returns the names of the refs of a repository at the forge.
func (p *platform) refs(t testing.TB, repository string) []string {
	t.Helper()
	return strings.Fields(testutil.NewGit(t).Run(t, p.github.RepositoryDir(repository), "for-each-ref", "--format=%(refname)"))
}

// requireClean fails the test when a token of the forge's or the bearer of a
// workspace was logged.
func (p *platform) requireClean(t *testing.T) {
	t.Helper()
	require.NotContains(t, p.log.String(), "ghs_")
	require.NotContains(t, p.log.String(), "eyJ")
	p.log.RequireClean(t)
}

// newGit returns git in a workspace with what the Mutator writes and no more.
func (p *platform) newGit(t testing.TB, id string) *testutil.Git {
	t.Helper()
	m, err := p.Mutator(gateway.MutatorOptions{Key: p.key})
	require.NoError(t, err)
	git := testutil.NewGit(t)
	git.Env["GIT_SSL_CAINFO"] = p.ca
	maps.Copy(git.Env, p.network)
	require.NoError(t, m.MutateEnv(t.Context(), id, git.Env))
	return git
}

func TestGitClonesAndPushesToItsBranchThroughTheGateway(t *testing.T) {
	p := newPlatform(t, nil)
	git := p.newGit(t, "ws-1")
	folder := filepath.Join(t.TempDir(), "widgets")
	git.Run(t, "", "clone", "--quiet", p.github.URL+"/acme/widgets.git", folder)
	git.Run(t, folder, "commit", "--quiet", "--allow-empty", "--message", "Work")
	git.Run(t, folder, "push", "--quiet", "origin", "HEAD:refs/heads/agent/one")

	_, stderr, err := git.Try(t, folder, "push", "origin", "HEAD:refs/heads/main")
	require.Error(t, err)
	require.Contains(t, stderr, "[remote rejected]")
	require.Contains(t, stderr, "doesn't allow a push to refs/heads/main")
	require.Contains(t, git.Run(t, folder, "ls-remote", "origin"), "refs/heads/agent/one")

	for _, r := range p.audited() {
		require.Equal(t, "ws-1", r.Principal.WorkspaceID)
		require.Equal(t, "acme/widgets", r.Operation.Repository)
	}
}
