package githubapptest

import "time"

// SetTokenLife changes how long installation tokens live that are minted from
// now on; see [Options]. Zero or less restores the default.
func (s *Server) SetTokenLife(d time.Duration) {
	if d <= 0 {
		d = defaultTokenLife
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokenLife = d
}

// SetTokenFormat changes the shape of tokens minted from now on.
func (s *Server) SetTokenFormat(f TokenFormat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokenFormat = f
}

// SetLatency changes how long each answer of the API is held back. Zero or
// less: not at all.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// SetClockOffset moves the server's clock: d is what it is ahead of the
// machine's, negative when behind. It is one clock for everything, so moving it
// forward lets live tokens expire.
func (s *Server) SetClockOffset(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clockOffset = d
}

// SetPropagationDelay makes a new token unusable for d after its mint, as it
// happens on GitHub while a token spreads between replicas: the API answers
// 401, or 403 for a token of a narrowed scope, and git 404. Default: none.
func (s *Server) SetPropagationDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.propagation = d
}

// Now returns the time on the server's clock.
func (s *Server) Now() time.Time { return time.Now().Add(s.settings().clockOffset) }

// settings returns what a request needs to know, read at one moment.
func (s *Server) settings() settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return settings{s.tokenLife, s.tokenFormat, s.latency, s.clockOffset, s.propagation}
}

type settings struct {
	tokenLife   time.Duration
	tokenFormat TokenFormat
	latency     time.Duration
	clockOffset time.Duration
	propagation time.Duration
}
