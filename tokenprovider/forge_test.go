package tokenprovider_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// forge is an API that takes one token and refuses all others.
type forge struct {
	*httptest.Server
	mu       sync.Mutex
	accepts  string
	requests []string // Authorization and body of each
}

func newForge(t *testing.T, accepts string) *forge {
	f := &forge{accepts: accepts}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.requests = append(f.requests, r.Header.Get("Authorization")+" "+string(body))
		if r.Header.Get("Authorization") != "Bearer "+f.accepts {
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprint(w, "answer")
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *forge) host() string { return f.Listener.Addr().String() }

func (f *forge) accept(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accepts = token
}

func (f *forge) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.requests...)
}

// client sends through a Transport to f.
func (f *forge) client(p tokenprovider.TokenProvider) *http.Client {
	return &http.Client{Transport: &tokenprovider.Transport{Provider: p,
		Base: f.Server.Client().Transport, Hosts: []string{f.host()}}}
}

func numbered() *tokenprovider.Cache {
	return tokenprovider.NewCache(&issuer{life: time.Hour}, &tokenprovider.CacheOptions{Settle: -1})
}

func requireStatus(t *testing.T, want int, resp *http.Response, err error) {
	t.Helper()
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, want, resp.StatusCode)
	require.Equal(t, "answer", string(body))
}
