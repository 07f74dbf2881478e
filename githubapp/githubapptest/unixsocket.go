package githubapptest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// ListenUnix serves the API on a new unix socket too, as plain HTTP, and
// returns the socket's path. Whatever host a request names is this server. That
// is how the real gh comes here instead of to api.github.com: its config.yml
// has
//
//	version: "1"
//	http_unix_socket: PATH
//
// The links of answers then lead to https:// and that host. The socket is in a
// temporary folder that only the user may open, and both go at Close. Each call
// makes another one.
func (s *Server) ListenUnix() (path string, err error) {
	if !s.enter() {
		return "", errors.New("githubapptest: ListenUnix: the server is closed")
	}
	defer s.running.Done()
	dir, err := os.MkdirTemp("", "gh-") // a short name: a socket's path may have about 100 bytes
	if err != nil {
		return "", fmt.Errorf("githubapptest: make a folder for a socket: %w", err)
	}
	path = filepath.Join(dir, "api.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("githubapptest: listen on a unix socket: %w", err)
	}
	s.running.Go(func() {
		defer func() { _ = os.RemoveAll(dir) }()
		_ = s.server.Serve(listener) // until Close
	})
	return path, nil
}

// apiURL returns the API's base URL as the client of r sees it.
func apiURL(r *http.Request) string {
	x := exchangeOf(r)
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() == "unix" {
		return "https://" + r.Host + x.prefix
	}
	return x.server.URL + x.prefix
}
