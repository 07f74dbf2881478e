package githubapptest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The primary rate limits that answers announce: of an app or an installation,
// and of an address without credentials.
const (
	announcedLimit     = 5000
	anonymousLimit     = 60
	rateLimitWindow    = time.Hour
	rateLimitsAreAbout = docs + "/using-the-rest-api/rate-limits-for-the-rest-api"
)

// bucket counts the requests of one app, one installation, or everyone else, in
// the current window.
type bucket struct {
	used  int
	reset time.Time
}

// SetRateLimit enforces a primary rate limit of n requests an hour for each app
// and each installation, by the server's clock, and starts all counts again.
// Zero, the default, enforces none: the headers then count down from 5,000 but
// stop at 1. Below zero there are no headers either and /rate_limit is 404, as
// on a GitHub Enterprise Server whose rate limits are off.
func (s *Server) SetRateLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rateLimit = n
	s.buckets = map[string]*bucket{}
}

// bucket names the bucket that the caller's requests draw on, in the words of
// GitHub's refusal, and its limit.
func (c *caller) bucket() (name string, limit int) {
	switch {
	case c.installationID != 0:
		return fmt.Sprintf("installation ID %d", c.installationID), announcedLimit
	case c.appID != 0:
		return fmt.Sprintf("app ID %d", c.appID), announcedLimit
	}
	return "your address", anonymousLimit
}

// countRequest takes cost from the caller's bucket and writes the headers that
// say what is left. It returns the refusal when too little was. A negative cost
// gives back.
func (s *Server) countRequest(h http.Header, c caller, cost int) *apiError {
	name, limit := c.bucket()
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rateLimit < 0 {
		return nil
	}
	if s.rateLimit > 0 {
		limit = s.rateLimit
	}
	b := s.buckets[name]
	if b == nil || !now.Before(b.reset) {
		b = &bucket{reset: now.Add(rateLimitWindow)}
		s.buckets[name] = b
	}
	exceeded := s.rateLimit > 0 && b.used+cost > limit
	b.used = max(0, min(b.used+cost, limit))
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

// getRateLimit answers with what the headers of every answer say. Nothing here
// draws on the limits of search and of GraphQL.
func (s *Server) getRateLimit(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	if h.Get("X-RateLimit-Limit") == "" {
		errNoRateLimits.write(w)
		return
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(h.Get("X-RateLimit-"+name), 10, 64)
		return n
	}
	type limit struct {
		Limit     int64 `json:"limit"`
		Remaining int64 `json:"remaining"`
		Reset     int64 `json:"reset"`
		Used      int64 `json:"used"`
	}
	core := limit{number("Limit"), number("Remaining"), number("Reset"), number("Used")}
	unused := func(n int64, window time.Duration) limit { return limit{n, n, s.Now().Add(window).Unix(), 0} }
	writeJSON(w, http.StatusOK, map[string]any{"rate": core, "resources": map[string]limit{
		"core": core, "search": unused(30, time.Minute), "graphql": unused(announcedLimit, rateLimitWindow),
	}})
}
