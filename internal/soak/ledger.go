package main

import (
	"sync"
	"time"
)

// owner is whose token is minted, and where.
type owner struct {
	replica      int
	installation int
	workspace    string // "": all of the installation share it
}

// streak is a row of tries without success. The zero streak is none.
type streak struct {
	tries     int
	why       []kind
	from      time.Time // the first try that failed
	last      time.Time // when the latest ended
	permanent bool
	told      time.Duration // to wait
}

// failed adds a try that failed for a reason.
func (s *streak) failed(at time.Time, permanent bool, told time.Duration, why ...kind) {
	if s.from.IsZero() {
		s.from = at
	}
	s.tries++
	s.why, s.last, s.permanent, s.told = why, at, permanent, told
}

// backoff is how long nobody need try again after so many tries in a row, at the most.
func backoff(tries int, permanent bool, told time.Duration) time.Duration {
	wait := firstBackoff
	for n := 1; n < tries && wait < longestBackoff; n++ {
		wait *= 2
	}
	wait = min(wait, longestBackoff)
	if permanent {
		wait = max(wait, permanentBackoff)
	}
	return max(wait, told)
}

// trouble is what s means by the rules.
func (s *streak) trouble(r rules) trouble {
	if s.from.IsZero() {
		return trouble{}
	}
	return trouble{why: s.why, from: s.from, until: s.last.Add(backoff(s.tries, s.permanent, s.told) + r.grace)}
}

// ledger is which requests for tokens the forge has let fail. It is safe for concurrent use.
type ledger struct {
	mu      sync.Mutex
	streaks map[owner]*streak
	mints   map[owner]time.Time // the last one
	holds   [replicas]hold
}

// hold is a rate limit that a replica was told: it must not ask for anything until it is over.
type hold struct{ from, until time.Time }

func newLedger() *ledger { return &ledger{streaks: map[owner]*streak{}, mints: map[owner]time.Time{}} }

// heldTries is how many tries of an owner a hold lets fail, which nobody sees but the replica: one, or two when the first
// was early.
const heldTries = 2

// failed notes that a request for o's token fails.
func (l *ledger) failed(o owner, at time.Time, permanent bool, told time.Duration, why kind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.streaks[o]
	if s == nil {
		s = &streak{}
		l.streaks[o] = s
	}
	s.failed(at, permanent, told, why)
	if h := &l.holds[o.replica]; told > 0 {
		if at.After(h.until) {
			h.from = at
		}
		h.until = at.Add(told)
	}
}

// minted notes that one succeeds.
func (l *ledger) minted(o owner, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.streaks, o)
	l.mints[o] = at
}

// trouble is why o may have no token at t.
func (l *ledger) trouble(r rules, o owner, t time.Time) trouble {
	l.mu.Lock()
	defer l.mu.Unlock()
	var s streak
	if known := l.streaks[o]; known != nil {
		s = *known
	}
	h := l.holds[o.replica]
	held := !h.until.IsZero() && !l.mints[o].After(h.from)
	if held {
		s.tries += heldTries
	}
	found := s.trouble(r)
	if held { // a replica that was told to wait asks for nobody
		until := h.until.Add(backoff(s.tries, s.permanent, 0) + r.grace)
		if !t.After(until) && until.After(found.until) {
			found = trouble{why: append([]kind{limited}, found.why...), from: h.from, until: until}
			if !s.from.IsZero() && s.from.Before(h.from) {
				found.from = s.from
			}
		}
	}
	return found
}
