package workspace_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

const request = "protocol=https\nhost=github.com\n\n"

// platform is the real endpoint on loopback, with a log of its requests and a way to make it fail.
type platform struct {
	server *httptest.Server
	key    *tokenhttp.WorkspaceKey

	mu        sync.Mutex
	requests  []*http.Request
	intercept func(w http.ResponseWriter, r *http.Request) (done bool)
}

// plugin is a mutator that has the platform's token and nothing to write.
type plugin struct{ tokenprovider.TokenProvider }

func (plugin) Name() string                                               { return "test" }
func (plugin) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (p plugin) Unwrap() tokenprovider.TokenProvider                      { return p.TokenProvider }

func newPlatform(t testing.TB, provider tokenprovider.TokenProvider) *platform {
	t.Helper()
	registry := provisionhook.NewRegistry()
	registry.Register(plugin{provider})
	key, err := tokenhttp.NewWorkspaceKey([]byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	handler, err := tokenhttp.NewHandler(tokenhttp.FirstProvider(registry), key, nil)
	require.NoError(t, err)
	p := &platform{key: key}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.requests = append(p.requests, r.Clone(context.Background()))
		intercept := p.intercept
		p.mu.Unlock()
		if intercept == nil || !intercept(w, r) {
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.server.Close)
	return p
}

// on replaces what happens before the endpoint gets a request.
func (p *platform) on(intercept func(w http.ResponseWriter, r *http.Request) (done bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intercept = intercept
}

// down makes the endpoint refuse everything.
func (p *platform) down() {
	p.on(func(w http.ResponseWriter, r *http.Request) bool {
		http.Error(w, "<html>the database said: secret</html>", http.StatusBadGateway)
		return true
	})
}

// asked are the requests for a token so far.
func (p *platform) asked() []*http.Request { return p.of("/token") }

// renewals are the requests for a bearer so far.
func (p *platform) renewals() []*http.Request { return p.of("/bearer") }

func (p *platform) of(name string) []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []*http.Request
	for _, r := range p.requests {
		if filepath.ToSlash("/"+filepath.Base(r.URL.Path)) == name {
			found = append(found, r)
		}
	}
	return found
}

func (p *platform) bearer(t testing.TB, id string, ttl time.Duration) string {
	t.Helper()
	bearer, err := p.key.Issue(id, ttl)
	require.NoError(t, err)
	return bearer
}

// env is the environment of a workspace with a folder of its own for what is kept.
func (p *platform) env(t testing.TB, id string) map[string]string {
	t.Helper()
	return map[string]string{
		"PROVISIONKIT_TOKEN_URL": p.server.URL + "/workspaces/" + id + "/token",
		"PROVISIONKIT_BEARER":    p.bearer(t, id, time.Hour),
		"XDG_RUNTIME_DIR":        t.TempDir(),
	}
}

// withFile moves the bearer of env into a file.
func withFile(t testing.TB, env map[string]string, mode os.FileMode) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "bearer")
	require.NoError(t, os.WriteFile(path, []byte(env["PROVISIONKIT_BEARER"]+"\n"), mode))
	require.NoError(t, os.Chmod(path, mode))
	delete(env, "PROVISIONKIT_BEARER")
	env["PROVISIONKIT_BEARER_FILE"] = path
	return path
}

// mint is a provider whose tokens are all different.
type mint struct {
	life time.Duration // zero: no expiry is known
	n    atomic.Int64
}

func (m *mint) Token(context.Context) (string, time.Time, error) {
	token := fmt.Sprintf("ghs_%036d", m.n.Add(1))
	if m.life == 0 {
		return token, time.Time{}, nil
	}
	return token, time.Now().Add(m.life), nil
}

// cached is what a platform has over its provider; a refused token is dropped at any age.
func cached(p tokenprovider.TokenProvider) *tokenprovider.Cache {
	return tokenprovider.NewCache(p, &tokenprovider.CacheOptions{Settle: -1})
}

// eventually polls until met is true.
func eventually(t testing.TB, met func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !met(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), what)
	}
}
