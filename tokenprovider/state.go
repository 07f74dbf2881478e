package tokenprovider

import "time"

// state is all that a Cache knows. It is immutable once it is published: a change is a changed copy that takes its
// place, so that a reader sees everything or nothing of it.
type state struct {
	held *lease // what is served; nil: nothing. It may have expired
	next *lease // ripens until it is old enough to replace held; nil: nothing

	refreshing bool   // the provider is being asked
	outdated   bool   // Drop was called since then
	refused    string // a token that was invalidated since then

	failure error         // of the last try; nil if it brought a token
	tries   int           // in a row that brought nothing new
	triedAt int64         // when the last of them ended, wall time in Unix nanoseconds
	wait    time.Duration // how long after it there is no other try

	mints, failures uint64
}

// ripe reports whether next should be served: it has settled, or held is of no use any more.
func (s *state) ripe(now time.Time, settle time.Duration) bool {
	return s.next != nil && (s.next.settled(now, settle) || !s.held.live(now))
}

func (s *state) promote(now time.Time, settle time.Duration) bool {
	if !s.ripe(now, settle) {
		return false
	}
	if s.next.live(now) || !s.held.live(now) { // it may have died while it ripened
		s.held = s.next
	}
	s.next = nil
	return true
}

// backsOff reports whether the provider must not be asked yet. One unsigned comparison also ends a back-off when the
// clock was set back to before its beginning.
func (s *state) backsOff(now time.Time) bool {
	return uint64(now.UnixNano()-s.triedAt) < uint64(s.wait)
}

// mayRefresh reports whether the provider may be asked: no new token ripens and no back-off lasts.
func (s *state) mayRefresh(now time.Time) bool {
	return s.next == nil && !s.backsOff(now)
}

// invalidate drops token if it is held and settled, and serves the one that ripens instead.
func (s *state) invalidate(token string, now time.Time, settle time.Duration) bool {
	s.promote(now, settle)
	if !s.held.is(token) || !s.held.settled(now, settle) {
		return false
	}
	s.held, s.next = s.next, nil
	if s.held.is(token) {
		s.held = nil
	}
	if s.refreshing {
		s.refused = token
	}
	return true
}

// begin marks that the provider is being asked.
func (s *state) begin() {
	s.refreshing, s.refused, s.outdated = true, "", false
}

// fail takes the outcome of a try that brought no token.
func (s *state) fail(err error, now time.Time) {
	s.refreshing = false
	s.failures++
	s.failure = err
	s.backOff(err, now)
}

// backOff puts the next try off after one that brought nothing new.
func (s *state) backOff(err error, now time.Time) {
	s.tries++
	s.triedAt, s.wait = now.UnixNano(), backoff(s.tries, err)
}

// adopt takes a new token: it ripens when asked to, else it is served from now on.
func (s *state) adopt(l *lease, ripen bool) {
	s.refreshing = false
	s.mints++
	s.failure, s.tries, s.wait = nil, 0, 0
	if ripen {
		s.next = l
		return
	}
	s.held, s.next = l, nil
}

// keep takes the answer that the held token is still the one, with an expiry that may have moved closer. Its mint time
// stays, and the next try is put off.
func (s *state) keep(l *lease, now time.Time, opts *settings) {
	s.refreshing = false
	s.failure = nil
	s.backOff(nil, now)
	if l.life != unlimited && (s.held.life == unlimited || l.expiresAt.Before(s.held.expiresAt)) {
		s.held = newLease(l.token, l.expiresAt, wall(s.held.requested), wall(s.held.minted), opts)
	}
}

func (s *state) status(opts *settings, now time.Time) Status {
	status := Status{Name: opts.name, State: StateEmpty, Mints: s.mints, Failures: s.failures}
	served := *s
	served.promote(now, opts.settle)
	l := served.held
	live := l.live(now)
	if live {
		status.State = StateFresh
		status.ExpiresAt = l.expiresAt
		status.MintedAt = wall(l.minted)
		status.TokenSHA256 = TokenSHA256(l.token)
		if l.life != unlimited {
			status.RefreshAt = wall(l.requested).Add(l.refreshAge)
		}
	}
	if s.refreshing || live && s.next == nil && l.due(now) {
		status.State = StateRefreshing
	}
	if s.failure != nil {
		status.State = StateFailing
		if live {
			status.State = StateDegraded
		}
		status.LastError = s.failure.Error()
		status.LastErrorCode = CodeOf(s.failure)
		status.LastErrorAt = wall(s.triedAt)
	}
	if retryAt := wall(s.triedAt).Add(s.wait); s.backsOff(now) && retryAt.After(status.RefreshAt) {
		status.RefreshAt = retryAt
	}
	return status
}
