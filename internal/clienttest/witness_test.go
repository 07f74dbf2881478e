package clienttest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"
)

// witness is an http.RoundTripper that fails its test at every answer that GitHub's description doesn't allow.
type witness struct {
	t           testing.TB
	base        http.RoundTripper
	description *description
	requests    bool // judges the requests too

	mu   sync.Mutex
	seen map[string]int // answers validated, by operation and status; "" counts those to no operation
}

func newWitness(t testing.TB, base http.RoundTripper) *witness {
	return &witness{t: t, base: base, description: newDescription(t), seen: map[string]int{}}
}

// RoundTrip implements [http.RoundTripper].
func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	if w.requests {
		body, err := w.readRequest(req)
		if err != nil {
			return nil, err
		}
		if err := w.description.checkRequest(req, body); err != nil {
			w.t.Errorf("request %s %s: %v", req.Method, req.URL.Path, err)
		}
	}
	resp, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = readCloser{bytes.NewReader(body)}
	if err := w.description.checkAnswer(req, resp.StatusCode, resp.Header, body); err != nil {
		w.t.Errorf("answer %d to %s %s: %v", resp.StatusCode, req.Method, req.URL.Path, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[w.description.operation(req, resp.StatusCode)]++
	return resp, nil
}

// readRequest is the request's body, read from a copy of it.
func (w *witness) readRequest(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// answers is how many answers were validated, and of which operations.
func (w *witness) answers() (n int, operations map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, count := range w.seen {
		n += count
	}
	return n, maps.Clone(w.seen)
}

type readCloser struct{ io.Reader }

func (readCloser) Close() error { return nil }
