package githubapptest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The primary rate limits that answers announce: of an app or an installation, and of an address without credentials.
const (
	announcedLimit     = 5000
	anonymousLimit     = 60
	rateLimitWindow    = time.Hour
	rateLimitsAreAbout = docs + "/using-the-rest-api/rate-limits-for-the-rest-api"
)

// bucket counts the requests of one app, one installation, or everyone else, in the current window.
type bucket struct {
	used  int
	reset time.Time
}

// SetRateLimit enforces a primary rate limit of n requests an hour for each app and each installation, by the server's
// clock, and starts all counts again. Zero, the default, enforces none: the headers then count down from 5,000 but stop
// at 1.
func (s *Server) SetRateLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rateLimit = max(n, 0)
	s.buckets = map[string]*bucket{}
}

// countRequest takes a request from its caller's bucket and writes the headers that say what is left. It returns the
// refusal when nothing was.
func (s *Server) countRequest(h http.Header, c caller) *apiError {
	name, limit := "your address", anonymousLimit
	switch {
	case c.installationID != 0:
		name, limit = fmt.Sprintf("installation ID %d", c.installationID), announcedLimit
	case c.appID != 0:
		name, limit = fmt.Sprintf("app ID %d", c.appID), announcedLimit
	}
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rateLimit > 0 {
		limit = s.rateLimit
	}
	b := s.buckets[name]
	if b == nil || !now.Before(b.reset) {
		b = &bucket{reset: now.Add(rateLimitWindow)}
		s.buckets[name] = b
	}
	exceeded := s.rateLimit > 0 && b.used >= limit
	if b.used < limit {
		b.used++
	}
	if s.rateLimit == 0 {
		b.used = min(b.used, limit-1)
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(limit-b.used))
	h.Set("X-RateLimit-Used", strconv.Itoa(b.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(b.reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
	if !exceeded {
		return nil
	}
	return &apiError{status: http.StatusForbidden, message: "API rate limit exceeded for " + name + ".", docs: rateLimitsAreAbout}
}
