package githubapptest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxBody bounds an API request; nothing that the API takes comes near it.
const maxBody = 1 << 20

// exchange is one request and its answer, from the first byte to the log entry.
// It is the http.ResponseWriter that a request's answer goes through in the
// end, whatever a fault puts around it.
type exchange struct {
	http.ResponseWriter
	server   *Server
	entry    *Request
	caller   caller
	path     string // without the /api/v3 of GitHub Enterprise Server
	prefix   string // that /api/v3, or ""
	body     []byte // an API request's
	git      bool
	signIn   bool      // a request of the pages and endpoints by which people sign in
	limited  *apiError // the rate limit hit, if one is
	answered bool
}

type exchangeKey struct{}

// exchangeOf returns the exchange that r is part of.
func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// newExchange logs the request, finds out who makes it, and sets the headers
// that every answer has.
func (s *Server) newExchange(w http.ResponseWriter, r *http.Request) (*exchange, error) {
	x := &exchange{ResponseWriter: w, server: s, path: r.URL.Path}
	if rest, ok := strings.CutPrefix(x.path, "/api/v3/"); ok {
		x.path, x.prefix = "/"+rest, "/api/v3"
	}
	service, git := gitService(r)
	x.git = git
	if !git {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			return nil, err
		}
		x.body = body
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if x.signIn = !git && x.prefix == "" && strings.HasPrefix(x.path, signInPrefix); x.signIn {
		if _, a, ok := s.signInClient(parameters(r, x.body)); ok {
			x.caller.appID = a.ID // for the log
		}
	} else {
		x.caller = s.identify(r)
	}
	x.entry = s.log.add(r, x, service)

	h := w.Header()
	h.Set("X-GitHub-Request-Id", newRequestID())
	if !git && !x.signIn {
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("X-GitHub-Media-Type", "github.v3; format=json")
		h.Set("X-Content-Type-Options", "nosniff")
		cost := 1
		if x.path == "/rate_limit" {
			cost = 0
		}
		x.limited = s.countRequest(h, x.caller, resource(x.path), cost)
	}
	return x, nil
}

// WriteHeader dates the answer by the server's clock and logs its status before
// the client can see either.
func (x *exchange) WriteHeader(status int) {
	if !x.answered {
		x.answered = true
		if _, set := x.Header()["Date"]; !set {
			x.Header().Set("Date", x.server.Now().UTC().Format(http.TimeFormat))
		}
		x.server.log.answered(x.entry, status)
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (x *exchange) Write(p []byte) (int, error) {
	if !x.answered {
		x.WriteHeader(http.StatusOK)
	}
	return x.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// newRequestID returns an id that looks like one of GitHub's.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%X:%X:%X:%X:%X", b[:2], b[2:5], b[5:8], b[8:12], b[12:])
}
