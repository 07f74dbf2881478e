package githubapptest

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// serveConditional has next answer and gives what a GET gets an ETag. A client
// that has the answer already, and says so in If-None-Match, gets 304 and no
// body; that costs nothing of its rate limit.
func (s *Server) serveConditional(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.Method != http.MethodGet {
		next.ServeHTTP(w, r)
		return
	}
	a := record(w, r, next)
	if a.Status == http.StatusOK {
		tag := etag(a.Body)
		a.Header.Set("ETag", tag)
		if knows(r, tag) {
			s.countRequest(a.Header, exchangeOf(r).caller, coreResource, -1)
			a.Status, a.Body = http.StatusNotModified, nil
			a.Header.Del("Content-Type")
			a.Header.Del("Content-Length")
		}
	}
	a.writeHeader(w)
	_, _ = w.Write(a.Body)
}

// etag returns a weak one, as GitHub's are.
func etag(body []byte) string { return fmt.Sprintf(`W/"%x"`, sha256.Sum256(body)) }

// knows tells whether one of the tags in If-None-Match is tag, by RFC 9110's
// weak comparison.
func knows(r *http.Request, tag string) bool {
	tags := strings.Split(strings.Join(r.Header.Values("If-None-Match"), ","), ",")
	return slices.ContainsFunc(tags, func(known string) bool {
		known = strings.TrimSpace(known)
		return known == "*" || strings.TrimPrefix(known, "W/") == strings.TrimPrefix(tag, "W/")
	})
}
