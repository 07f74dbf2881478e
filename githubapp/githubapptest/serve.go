package githubapptest

import (
	"context"
	"net/http"

	"github.com/molecule-ai/provisionkit/internal/sleep"
)

// serve takes every request: it is logged first, then a rule of [Server.Fail]
// may have it, then the routes.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.running.Done()
	x, err := s.newExchange(w, r)
	if err != nil {
		panic(http.ErrAbortHandler) // the client went away before its request was whole
	}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	r.URL.Path = x.path // without /api/v3
	r.URL.RawPath = ""
	s.reportBreach(r, x)
	if !x.git && !sleep.For(r.Context(), s.settings().latency) {
		panic(http.ErrAbortHandler)
	}
	if fault := s.rules.pick(r); fault != nil {
		fault(x, r, http.HandlerFunc(s.route))
		return
	}
	s.route(x, r)
}

// enter counts a request that Close has to wait for; false once the server is
// closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}
