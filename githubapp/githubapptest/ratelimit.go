package githubapptest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The primary rate limits that answers announce: of an app, an installation or
// a person, and of an address without credentials.
const (
	announcedLimit     = 5000
	anonymousLimit     = 60
	rateLimitWindow    = time.Hour
	rateLimitsAreAbout = docs + "/using-the-rest-api/rate-limits-for-the-rest-api"
)

// The resources that have a limit of their own.
const (
	coreResource    = "core"
	graphQLResource = "graphql"
)

// resource names the one that a request to path draws on.
func resource(path string) string {
	if path == "/graphql" || path == "/api/graphql" {
		return graphQLResource
	}
	return coreResource
}

// bucket counts the requests of one app, installation or person, or of everyone
// else, to one resource in the current window.
type bucket struct {
	used  int
	reset time.Time
}

// SetRateLimit enforces a primary rate limit of n requests an hour for each app,
// each installation and each person whose tokens come, by the server's clock,
// and starts all counts again. GraphQL has as many besides.
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
	case c.login != "":
		return fmt.Sprintf("user ID %d", accountID(c.login)), announcedLimit
	case c.installationID != 0:
		return fmt.Sprintf("installation ID %d", c.installationID), announcedLimit
	case c.appID != 0:
		return fmt.Sprintf("app ID %d", c.appID), announcedLimit
	}
	return "your address", anonymousLimit
}

// countRequest takes cost from the caller's bucket of the resource and writes the
// headers that say what is left. It returns the refusal when too little was. A
// negative cost gives back.
func (s *Server) countRequest(h http.Header, c caller, resource string, cost int) *apiError {
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
	key := resource + " " + name
	b := s.buckets[key]
	if b == nil || !now.Before(b.reset) {
		b = &bucket{reset: now.Add(rateLimitWindow)}
		s.buckets[key] = b
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
	h.Set("X-RateLimit-Resource", resource)
	if exceeded {
		return limitExceeded(http.StatusForbidden, name)
	}
	return nil
}

// limitJSON is what the headers of an answer say.
type limitJSON struct {
	Limit     int64 `json:"limit"`
	Remaining int64 `json:"remaining"`
	Reset     int64 `json:"reset"`
	Used      int64 `json:"used"`
}

func announced(h http.Header) limitJSON {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(h.Get("X-RateLimit-"+name), 10, 64)
		return n
	}
	return limitJSON{number("Limit"), number("Remaining"), number("Reset"), number("Used")}
}

// getRateLimit answers with what the headers of every answer say. Nothing here
// draws on the limit of search.
func (s *Server) getRateLimit(w http.ResponseWriter, r *http.Request) {
	if w.Header().Get("X-RateLimit-Limit") == "" {
		errNoRateLimits.write(w)
		return
	}
	ofGraphQL := http.Header{}
	s.countRequest(ofGraphQL, exchangeOf(r).caller, graphQLResource, 0)
	writeJSON(w, http.StatusOK, map[string]any{"rate": announced(w.Header()), "resources": map[string]limitJSON{
		"core": announced(w.Header()), "graphql": announced(ofGraphQL),
		"search": {30, 30, s.Now().Add(time.Minute).Unix(), 0},
	}})
}
