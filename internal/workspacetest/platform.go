package workspacetest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// Platform is the real endpoint, with a log of its requests and a way to make
// it fail.
type Platform struct {
	Server *httptest.Server // on loopback; nil in a Platform of NewHandler
	Key    *tokenhttp.WorkspaceKey

	handler   *tokenhttp.Handler
	mu        sync.Mutex
	requests  []*http.Request
	intercept func(w http.ResponseWriter, r *http.Request) (done bool)
}

// PlatformKey is the one that a Platform issues bearers with.
const PlatformKey = "0123456789abcdef0123456789abcdef"

// NewPlatform returns a platform on loopback. Without hosts it answers git for
// github.com.
func NewPlatform(t testing.TB, provider tokenprovider.TokenProvider, hosts ...string) *Platform {
	t.Helper()
	p := NewHandler(t, provider, hosts...)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Server.Close)
	return p
}

// NewHandler returns a platform that listens nowhere.
func NewHandler(t testing.TB, provider tokenprovider.TokenProvider, hosts ...string) *Platform {
	t.Helper()
	key, err := tokenhttp.NewWorkspaceKey([]byte(PlatformKey))
	require.NoError(t, err)
	handler, err := tokenhttp.NewHandler(Only(provider), key, &tokenhttp.Options{Hosts: hosts, Admit: Everyone})
	require.NoError(t, err)
	return &Platform{Key: key, handler: handler}
}

// Everyone admits everyone: no workspace of a test is released.
func Everyone(context.Context, tokenhttp.Principal) error { return nil }

// Only returns a source that gives everyone that provider.
func Only(provider tokenprovider.TokenProvider) tokenhttp.Source {
	return func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) { return provider, nil }
}

// ServeHTTP implements [http.Handler].
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r.Clone(context.Background()))
	intercept := p.intercept
	p.mu.Unlock()
	if intercept == nil || !intercept(w, r) {
		p.handler.ServeHTTP(w, r)
	}
}

// On replaces what happens before the endpoint gets a request.
func (p *Platform) On(intercept func(w http.ResponseWriter, r *http.Request) (done bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intercept = intercept
}

// Down makes the endpoint refuse everything.
func (p *Platform) Down() {
	p.On(func(w http.ResponseWriter, r *http.Request) bool {
		http.Error(w, "<html>the database said: secret</html>", http.StatusBadGateway)
		return true
	})
}

// Asked returns the requests for a token so far.
func (p *Platform) Asked() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []*http.Request
	for _, r := range p.requests {
		if path.Base(r.URL.Path) == "token" {
			found = append(found, r)
		}
	}
	return found
}

// Bearer returns a bearer of a workspace.
func (p *Platform) Bearer(t testing.TB, id string, ttl time.Duration) string {
	t.Helper()
	bearer, err := p.Key.Issue(id, ttl)
	require.NoError(t, err)
	return bearer
}

// Env returns the environment of a workspace that asks its platform once, and
// with changes.
func (p *Platform) Env(t testing.TB, id string, changes ...map[string]string) map[string]string {
	t.Helper()
	url := "https://platform.example"
	if p.Server != nil {
		url = p.Server.URL
	}
	env := map[string]string{
		"PROVISIONKIT_URL":    url + "/workspaces/" + id + "/token",
		"PROVISIONKIT_BEARER": p.Bearer(t, id, time.Hour),
		"PROVISIONKIT_RETRY":  "0",
	}
	for _, change := range changes {
		maps.Copy(env, change)
	}
	return env
}

// WithFile moves the bearer of env into a file.
func WithFile(t testing.TB, env map[string]string, mode os.FileMode) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "bearer")
	require.NoError(t, os.WriteFile(path, []byte(env["PROVISIONKIT_BEARER"]+"\n"), mode))
	require.NoError(t, os.Chmod(path, mode))
	delete(env, "PROVISIONKIT_BEARER")
	env["PROVISIONKIT_BEARER_FILE"] = path
	return path
}

// FirstToken is the first token of a [Mint].
const FirstToken = "ghs_000000000000000000000000000000000001"

// Mint is a provider whose tokens are all different.
type Mint struct {
	Life time.Duration // zero: no expiry is known
	N    atomic.Int64  // how many there were
}

// Token returns the next token.
func (m *Mint) Token(context.Context) (string, time.Time, error) {
	token := fmt.Sprintf("ghs_%036d", m.N.Add(1))
	if m.Life == 0 {
		return token, time.Time{}, nil
	}
	return token, time.Now().Add(m.Life), nil
}

// Cached returns what a platform has over its provider. It drops a refused
// token at any age.
func Cached(p tokenprovider.TokenProvider) *tokenprovider.Cache {
	return tokenprovider.NewCache(p, &tokenprovider.CacheOptions{Settle: -1})
}

// Hourly returns a [Cached] mint of tokens that live for an hour.
func Hourly() *tokenprovider.Cache { return Cached(&Mint{Life: time.Hour}) }
