package tokenprovider

import "time"

// state is all that a Cache knows. It is immutable once it is published: a
// change is a changed copy that takes its place, so that a reader sees
// everything or nothing of it.
type state struct {
	held *lease // what is served; nil: nothing. It may have expired
	next *lease // settles before it replaces held; nil: nothing

	tries      int32 // in a row that brought nothing new, without those whose wait is fixed
	refreshing bool  // the provider is being asked
	dropped    bool  // Drop was called since then
	askedAt    int64 // when that began, wall time in Unix nanoseconds; 0: it may be asked at once

	believedAt int64 // when the last report was believed, wall time in Unix nanoseconds; 0: none was

	failure *failure      // of the last try; nil if it brought a token
	triedAt int64         // when the last try without a new token ended, wall time in Unix nanoseconds
	wait    time.Duration // how long after it there is no other try

	mints, failures uint64
}

// mayPromote reports whether next has settled. It does while held lives: see
// maySettle.
func (s *state) mayPromote(now time.Time, settle time.Duration) bool {
	return s.next != nil && s.next.settled(now, settle)
}

// promote puts next in the place of held if it may, and reports that.
func (s *state) promote(now time.Time, settle time.Duration) bool {
	if !s.mayPromote(now, settle) {
		return false
	}
	if s.next.live(now) { // it may have died while it settled
		s.held = s.next
	}
	s.next = nil
	return true
}

// backsOff reports whether the provider must not be asked yet, after a try that
// brought nothing new. One unsigned comparison also ends a back-off when the
// clock was set back to before its beginning.
func (s *state) backsOff(now time.Time) bool {
	return uint64(now.UnixNano()-s.triedAt) < uint64(s.wait)
}

// pause returns how long the provider must not be asked yet, since it was asked
// within the last mintInterval.
func (s *state) pause(now time.Time) time.Duration {
	since := time.Duration(now.UnixNano() - s.askedAt)
	if s.refreshing || since < 0 || since >= mintInterval {
		return 0
	}
	return mintInterval - since
}

// mayRefresh reports whether the provider may be asked for a token in the place
// of a live one: no new one settles, and neither a back-off nor a pause lasts.
func (s *state) mayRefresh(now time.Time) bool {
	return s.next == nil && !s.backsOff(now) && s.pause(now) == 0
}

// maySettle reports whether a new token may settle before it replaces held:
// that isn't suspect, and still has the life by then that callers get without
// waiting.
func (s *state) maySettle(now time.Time, settle time.Duration) bool {
	return settle > 0 && s.held.live(now) && !s.held.suspect && s.held.remaining(now)-settle > s.held.minTTL
}

// idle reports whether nothing would be lost with s: no token, no refresh, and
// nothing that keeps the provider from being asked.
func (s *state) idle(now time.Time) bool {
	waits := s.backsOff(now) || s.pause(now) > 0
	return !s.held.live(now) && !s.next.live(now) && !s.refreshing && !waits
}

// believes reports whether a report that token was refused is believed: it is
// held and has settled, and no other report was believed a moment ago.
func (s *state) believes(token string, now time.Time, settle time.Duration) bool {
	since := time.Duration(now.UnixNano() - s.believedAt)
	if !s.held.is(token) || !s.held.settled(now, settle) {
		return false
	}
	return s.believedAt == 0 || since < 0 || since >= beliefInterval(s.held.life) // less when the clock was set back
}

// invalidate has the held token replaced if it is token and the report is
// believed: by the one that settles, else by the next that can be had.
func (s *state) invalidate(token string, now time.Time, settle time.Duration) bool {
	if !s.believes(token, now, settle) {
		return false
	}
	s.believedAt, s.askedAt = now.UnixNano(), 0
	if s.next.live(now) {
		s.held, s.next = s.next, nil
		return true
	}
	s.held, s.next = s.held.suspected(), nil
	return true
}

// drop forgets what is held, and what a refresh that runs will bring.
func (s *state) drop() {
	s.held, s.next, s.askedAt, s.dropped = nil, nil, 0, s.refreshing
}

// endBackoff lets the next caller who needs a token have the provider asked.
func (s *state) endBackoff() {
	s.tries, s.wait = 0, 0
}

// begin takes note that the provider is being asked.
func (s *state) begin(now time.Time) {
	s.refreshing, s.dropped = true, false
	s.askedAt = now.UnixNano()
}

// failed takes the outcome of a try that brought no token.
func (s *state) failed(f *failure, now time.Time) {
	s.refreshing = false
	s.failures++
	s.failure = f
	s.askedAt = 0 // the back-off is enough
	s.backOff(now)
}

// backOff puts the next try off after one that brought nothing new. A wait that
// is fixed doesn't count towards those that double: after a provider that says
// each second that it is back in a second, one lost packet would hold the next
// try off for a minute.
func (s *state) backOff(now time.Time) {
	s.triedAt, s.wait = now.UnixNano(), s.failure.fixed()
	if s.wait == 0 {
		s.tries++
		s.wait = backoff(s.tries)
	}
}

// minted takes a new token: it settles when asked to, else it is served from
// now on.
func (s *state) minted(l *lease, settles bool) {
	s.refreshing = false
	s.mints++
	s.failure, s.tries, s.wait = nil, 0, 0
	if settles {
		s.next = l
		return
	}
	s.held, s.next = l, nil
}

// unchanged takes the answer that the held token is still the one, with an
// expiry that may have moved closer. Its mint time stays, and the next try is
// put off.
func (s *state) unchanged(l *lease, now time.Time, opts *settings) {
	s.refreshing = false
	s.failure = nil
	s.backOff(now)
	if l.life != unlimited && (s.held.life == unlimited || l.expiresAt.Before(s.held.expiresAt)) {
		suspect := s.held.suspect
		s.held = newLease(l.token, l.expiresAt, wall(s.held.requested), wall(s.held.minted), opts)
		if suspect {
			s.held = s.held.suspected()
		}
	}
}

// served returns the token to be served at now.
func (s *state) served(now time.Time, settle time.Duration) *lease {
	then := *s
	then.promote(now, settle)
	return then.held
}

// judge returns how the cache is doing at now.
func (s *state) judge(opts *settings, now time.Time) State {
	l := s.served(now, opts.settle)
	live := l.live(now)
	switch {
	case s.failure != nil && live:
		return StateDegraded
	case s.failure != nil:
		return StateFailing
	case s.refreshing:
		return StateRefreshing
	case live && l.suspect:
		return StateDegraded
	case live && s.next == nil && l.due(now):
		return StateRefreshing
	case live:
		return StateFresh
	}
	return StateEmpty
}

func (s *state) status(opts *settings, now time.Time) Status {
	status := Status{Name: opts.name, State: s.judge(opts, now), Mints: s.mints, Failures: s.failures}
	if l := s.served(now, opts.settle); l.live(now) {
		status.ExpiresAt = l.expiresAt
		status.MintedAt = wall(l.minted)
		status.TokenSHA256 = TokenSHA256(l.token)
		if l.life != unlimited {
			status.RefreshAt = wall(l.requested).Add(l.refreshAge)
		}
	}
	if s.failure != nil {
		status.LastError = s.failure.text
		status.LastErrorCode = s.failure.code
		status.LastErrorAt = wall(s.triedAt)
	}
	if retryAt := wall(s.triedAt).Add(s.wait); s.backsOff(now) && retryAt.After(status.RefreshAt) {
		status.RefreshAt = retryAt
	}
	return status
}
