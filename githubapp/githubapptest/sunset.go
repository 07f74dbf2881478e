package githubapptest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// SunsetAPIVersion announces the end of an API version: from now on the answers
// to whoever names it, or none where it is the default, have the headers
// Deprecation (RFC 9745) and Sunset (RFC 8594), and a Link to what it is about.
// From that time on, by the server's clock, they are 410. It panics when there
// is no such version.
func (s *Server) SunsetAPIVersion(version string, at time.Time) {
	if !slices.Contains(apiVersions, version) {
		panic("githubapptest: SunsetAPIVersion: GitHub has no API version " + version)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sunsets == nil {
		s.sunsets = map[string]sunset{}
	}
	s.sunsets[version] = sunset{time.Now().Add(s.clockOffset), at}
}

// sunset is the end of an API version, and since when it is announced.
type sunset struct{ since, at time.Time }

// sunset writes what is announced of a version, and reports whether it has
// ended.
func (s *Server) sunset(h http.Header, version string) (ended bool) {
	s.mu.Lock()
	end, announced := s.sunsets[version]
	s.mu.Unlock()
	if !announced {
		return false
	}
	h.Set("Deprecation", "@"+strconv.FormatInt(end.since.Unix(), 10))
	h.Set("Sunset", end.at.UTC().Format(http.TimeFormat))
	h.Add("Link", "<"+docs+`/about-the-rest-api/api-versions>; rel="deprecation"; type="text/html"`)
	return !s.Now().Before(end.at)
}
