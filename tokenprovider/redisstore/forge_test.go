package redisstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// forge is a real HTTP server that mints tokens of the long format and counts
// how often it is asked.
type forge struct {
	*httptest.Server
	life    time.Duration
	latency time.Duration
	mints   atomic.Int64
	began   chan struct{} // gets one for each request, when not nil

	mu     sync.Mutex
	tokens []string
}

// minted is what the forge answers.
type minted struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

func newForge(t testing.TB, life, latency time.Duration) *forge {
	f := &forge{life: life, latency: latency}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := f.mints.Add(1)
	if f.began != nil {
		f.began <- struct{}{}
	}
	select {
	case <-time.After(f.latency):
	case <-r.Context().Done():
		return
	}
	token := fmt.Sprintf("ghs_7_%04d.%s_%s", n, strings.Repeat("eyJhbGciOiJSUzI1NiJ9-", 10),
		strings.Repeat("c2lnbmF0dXJl", 20))
	f.mu.Lock()
	f.tokens = append(f.tokens, token)
	f.mu.Unlock()
	_ = json.NewEncoder(w).Encode(minted{Token: token, ExpiresAt: time.Now().Add(f.life)})
}

// secrets returns all tokens that were minted, in order.
func (f *forge) secrets() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.tokens...)
}

// mintAt returns a provider that asks the forge at url.
func mintAt(url string) tokenprovider.TokenProvider {
	return tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
		if err != nil {
			return "", time.Time{}, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", time.Time{}, err
		}
		defer resp.Body.Close()
		var m minted
		if json.NewDecoder(resp.Body).Decode(&m) != nil || resp.StatusCode != http.StatusOK {
			return "", time.Time{}, errors.New("the forge's answer is no token")
		}
		return m.Token, m.ExpiresAt, nil
	})
}
