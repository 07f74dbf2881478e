package endtoend_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

const (
	appID          = 12
	installationID = 345

	uninstalled = "initech" // an owner who hasn't installed the app
)

// settle is how long a token of the platform ripens. It matches lives of a few
// seconds as the default does an hour.
const settle = 200 * time.Millisecond

// platform is a platform as an engineer wires one, of the real packages, with a
// GitHub of its own.
type platform struct {
	github   *githubapptest.Server
	host     string   // of github, as git names it
	gitURLs  []string // of the repositories
	app      *githubapp.App
	all      *githubapp.Installation // everything that the app may reach
	registry *provisionhook.Registry
	key      *tokenhttp.WorkspaceKey
	secret   []byte // signs the bearers of workspaces
	source   tokenhttp.Source
	endpoint *httptest.Server
	silent   atomic.Bool // the endpoint takes requests and doesn't answer

	// printed is all that anyone printed; it fails the test when one of the
	// secrets is in it that the platform has sent or received.
	printed *testutil.Capture

	mu      sync.Mutex
	records []tokenhttp.AuditRecord
}

// platformOptions are what tests want different. The zero value is a platform
// with one repository and tokens of an hour, which all workspaces share.
type platformOptions struct {
	repositories []string                   // default acme/widgets
	tokenLife    time.Duration              // the fake's; default one hour
	bearerTTL    time.Duration              // default 30 days
	bearerFile   string                     // default: the bearer is in the environment
	scopes       map[string]githubapp.Scope // by workspace: each has a token of its own
	allowed      func() []string            // the repositories of several owners that each workspace may use
	inline       bool                       // git's helper is a line of shell
}

func newPlatform(t *testing.T, opts platformOptions) *platform {
	t.Helper()
	testutil.NeedTool(t, "git")
	p := &platform{printed: testutil.NewCapture(t)}

	github, err := githubapptest.NewServer(&githubapptest.Options{TLS: true, TokenLife: opts.tokenLife})
	require.NoError(t, err)
	t.Cleanup(github.Close)
	if opts.repositories == nil {
		opts.repositories = []string{"acme/widgets"}
	}
	address, err := url.Parse(github.URL)
	require.NoError(t, err)
	p.github, p.host = github, address.Host
	for _, repository := range opts.repositories {
		gitURL, err := github.AddRepository(repository)
		require.NoError(t, err)
		p.gitURLs = append(p.gitURLs, gitURL)
	}
	key := testutil.RSAKeyPEM(t, 0)
	github.AddApp(githubapptest.App{ID: appID, Keys: []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey}})
	installations := map[string][]string{}
	for _, repository := range opts.repositories {
		owner, _, _ := strings.Cut(repository, "/")
		installations[owner] = append(installations[owner], repository)
	}
	delete(installations, uninstalled)
	for n, owner := range slices.Sorted(maps.Keys(installations)) { // acme's is the first
		github.AddInstallation(githubapptest.Installation{
			ID: installationID + int64(n), AppID: appID, Account: owner, Repositories: installations[owner],
		})
	}

	client := *github.Client()
	client.Transport = witness{client.Transport, p.printed}
	p.app, err = githubapp.New(githubapp.Options{
		AppID: appID, PrivateKey: key, BaseURL: github.URL, HTTPClient: &client,
		Cache: tokenprovider.CacheOptions{Settle: settle}, Logger: p.printed.Logger(),
	})
	require.NoError(t, err)
	p.printed.Secret(string(key))
	p.all = p.app.Installation(installationID)

	p.registry = provisionhook.NewRegistry(provisionhook.Protect("PATH"),
		provisionhook.PortableNames())
	p.source = tokenhttp.FirstProvider(p.registry)
	switch {
	case opts.allowed != nil:
		p.source = tokenhttp.PerWorkspace(p.registry)
		policy, err := githubapp.Repositories(p.app, func(context.Context, string) ([]string, error) { return opts.allowed(), nil }, nil)
		require.NoError(t, err)
		m, err := githubapp.NewWorkspaceMutator(p.app, policy, nil)
		require.NoError(t, err)
		p.registry.Register(m)
	case opts.scopes == nil:
		p.registry.Register(githubapp.NewMutator(p.all, nil))
	default:
		p.source = tokenhttp.PerWorkspace(p.registry)
		m, err := githubapp.NewWorkspaceMutator(p.app, func(_ context.Context, id string) (int64, githubapp.Scope, error) {
			scope, known := opts.scopes[id]
			if !known {
				return 0, githubapp.Scope{}, &tokenprovider.Error{Code: tokenprovider.CodeForbidden}
			}
			return installationID, scope, nil
		}, nil)
		require.NoError(t, err)
		p.registry.Register(m)
	}

	p.serve(t, "127.0.0.1:0")
	t.Cleanup(func() { p.endpoint.Close() })

	wiring, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{
		BaseURL: p.endpoint.URL, Key: p.key, TTL: opts.bearerTTL, BearerFile: opts.bearerFile,
	})
	require.NoError(t, err)
	wired := gitcredential.MutatorOptions{
		Hosts: []string{p.host}, Command: testutil.Command(t), Inline: opts.inline, UseHTTPPath: opts.allowed != nil,
	}
	if opts.inline {
		wired.Command = ""
	}
	git, err := gitcredential.NewMutator(&wired)
	require.NoError(t, err)
	p.registry.Register(wiring, git)
	return p
}

// serve starts the endpoint at an address. Each time it signs bearers with a
// new secret, and goes on accepting those that it signed with the one before.
func (p *platform) serve(t *testing.T, address string) {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	p.printed.Secret(string(secret))
	secrets := [][]byte{secret}
	if p.secret != nil {
		secrets = append(secrets, p.secret)
	}
	p.secret = secret
	var err error
	p.key, err = tokenhttp.NewWorkspaceKey(secrets...)
	require.NoError(t, err)

	handler, err := tokenhttp.NewHandler(p.source, p.key,
		&tokenhttp.Options{Admit: workspacetest.Everyone, Hosts: []string{p.host}, Audit: p.audit, Logger: p.printed.Logger()})
	require.NoError(t, err)
	mux := http.NewServeMux()
	handler.Mount(mux)
	p.endpoint = httptest.NewUnstartedServer(p.witnessed(mux))
	p.endpoint.Listener.Close()
	p.endpoint.Listener, err = net.Listen("tcp", address)
	require.NoError(t, err)
	p.endpoint.Start()
}

// restart ends the endpoint and starts it anew, with another key, where
// workspaces know it.
func (p *platform) restart(t *testing.T) {
	t.Helper()
	address := p.endpoint.Listener.Addr().String()
	p.endpoint.Close()
	p.serve(t, address)
}

// audit keeps what the endpoint issued and refused.
func (p *platform) audit(_ context.Context, r tokenhttp.AuditRecord) {
	fmt.Fprintf(p.printed, "audit: %+v\n", r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records = append(p.records, r)
}

// audited returns the records so far of which match is true, the oldest first.
func (p *platform) audited(match func(tokenhttp.AuditRecord) bool) []tokenhttp.AuditRecord {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []tokenhttp.AuditRecord
	for _, r := range p.records {
		if match(r) {
			found = append(found, r)
		}
	}
	return found
}

// issuedToken matches records of tokens that a workspace got; bearers are none.
func issuedToken(r tokenhttp.AuditRecord) bool {
	return r.Code == "" && r.Provider != "workspace-bearer"
}

// requests returns those in the fake's log of which match is true, the oldest
// first.
func (p *platform) requests(match func(githubapptest.Request) bool) []githubapptest.Request {
	var found []githubapptest.Request
	for _, r := range p.github.Requests() {
		if match(r) {
			found = append(found, r)
		}
	}
	return found
}

// begun matches the first request of each operation of git that was let in.
func begun(r githubapptest.Request) bool {
	return r.Git && strings.HasSuffix(r.Path, "/info/refs") && r.Status == http.StatusOK
}

// refused matches requests of git that came with a token and weren't let in.
// Git begins each operation without one, and is told to come back: those don't
// count.
func refused(r githubapptest.Request) bool {
	return r.Git && r.AuthScheme != "" && r.Status >= 400
}

// withToken matches requests of git that came with some token, whatever became
// of them.
func withToken(r githubapptest.Request) bool { return r.Git && r.AuthScheme != "" }

// minted matches the mints that succeeded.
func minted(r githubapptest.Request) bool {
	return strings.HasSuffix(r.Path, "/access_tokens") && r.Status == http.StatusCreated
}

// held returns the token that the platform hands out.
func (p *platform) held(t *testing.T) (token string, expiresAt time.Time) {
	t.Helper()
	token, expiresAt, err := p.all.Token(t.Context())
	require.NoError(t, err)
	return token, expiresAt
}

// untilDead waits until a token that expires at that time is dead for the fake.
func (p *platform) untilDead(t *testing.T, expiresAt time.Time) {
	t.Helper()
	eventually(t, func() bool { return p.github.Now().After(expiresAt) }, "the end of the token's life")
}

// witness is a transport that tells printed each credential that passes: JWTs
// on the way out, tokens on the way in.
type witness struct {
	next    http.RoundTripper
	printed *testutil.Capture
}

func (w witness) RoundTrip(req *http.Request) (*http.Response, error) {
	w.printed.Secret(bearerOf(req))
	resp, err := w.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.printed.Secret(secretsIn(body)...)
	return resp, err
}

// witnessed returns next behind what tells printed each credential that passes:
// bearers on the way in, tokens and new bearers on the way out.
func (p *platform) witnessed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.printed.Secret(bearerOf(r))
		if p.silent.Load() {
			<-r.Context().Done()
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		p.printed.Secret(secretsIn(answer.Body.Bytes())...)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func bearerOf(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func secretsIn(body []byte) []string {
	var answer struct{ Token, Bearer string }
	_ = json.Unmarshal(body, &answer)
	return []string{answer.Token, answer.Bearer}
}
