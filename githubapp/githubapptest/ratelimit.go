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

// SetRateLimit enforces a primary rate limit of n requests an hour for each app and each installation, by the
// server's clock, and starts all counts again. Zero, the default, enforces none: the headers then count down from
// 5,000 but stop at 1.
func (s *Server) SetRateLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rateLimit = max(n, 0)
	s.buckets = map[string]*bucket{}
}

// bucket names the bucket that the caller's requests draw on, in the words of GitHub's refusal, and its limit.
func (c *caller) bucket() (name string, limit int) {
	switch {
	case c.installationID != 0:
		return fmt.Sprintf("installation ID %d", c.installationID), announcedLimit
	case c.appID != 0:
		return fmt.Sprintf("app ID %d", c.appID), announcedLimit
	}
	return "your address", anonymousLimit
}

// countRequest takes cost from the caller's bucket and writes the headers that say what is left. It returns the
// refusal when too little was.
func (s *Server) countRequest(h http.Header, c caller, cost int) *apiError {
	name, limit := c.bucket()
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
	exceeded := s.rateLimit > 0 && b.used+cost > limit
	b.used = min(b.used+cost, limit)
	if s.rateLimit == 0 {
		b.used = min(b.used, limit-1)
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(limit-b.used))
	h.Set("X-RateLimit-Used", strconv.Itoa(b.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(b.reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
	if exceeded {
		return limitExceeded(http.StatusForbidden, name)
	}
	return nil
}
