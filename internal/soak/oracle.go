package main

import (
	"slices"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// rules are the figures of the documentation that decide when a token could be had, with the life of the tokens at hand.
type rules struct {
	life        time.Duration
	settle      time.Duration // a token that is younger isn't given up for a refusal
	mintTimeout time.Duration // bound on one mint
	pace        time.Duration // a workspace asks at least this often
	gitPace     time.Duration // one that runs git does
	grace       time.Duration // for what takes no time on a machine that isn't busy
	standstill  bool          // the machine is so busy that nothing can be in time
}

const (
	firstBackoff     = time.Second // doubles
	longestBackoff   = time.Minute
	permanentBackoff = 30 * time.Second     // after a failure that isn't worth another try
	skew             = 2 * time.Second      // of the clocks that counts as none
	longestTold      = 2*time.Second + skew // by a rate limit of the schedule
)

// room is how long a workspace can go on at least when no more tokens are to be had. One is replaced when a quarter of
// its life is left, so that much is there, but for the time until the workspace asks; git asks for half of a life.
func (r rules) room(git bool) time.Duration {
	if git {
		return max(0, r.life/2-r.gitPace)
	}
	return max(0, r.life/4-r.pace)
}

// happening is a fault as it took place.
type happening struct {
	fault
	began time.Time // before its first effect
	ended time.Time // after its last one; zero: not yet
}

// over reports whether h had ended before t.
func (h happening) over(t time.Time) bool { return !h.ended.IsZero() && h.ended.Before(t) }

// What is said in place of a code.
const (
	refusedDead      = "API 401"
	refusedSuspended = "API 403"
	diedOnItsWay     = "expired on its way"                         // the last moment of a token's life was handed out
	refusedAgain     = "delivered again the token that was refused" // by who hadn't heard of it yet
)

// codes are what may be said of each kind to somebody who gets no token, or whose token is refused.
var codes = map[kind][]string{
	down:      {string(tokenprovider.CodeUnavailable)},
	slow:      {string(tokenprovider.CodeUnavailable)},
	endpoint:  {string(tokenprovider.CodeUnavailable)},
	limited:   {string(tokenprovider.CodeRateLimited)},
	suspended: {string(tokenprovider.CodeForbidden), refusedSuspended},
	rotated:   {string(tokenprovider.CodeUnauthenticated)},
	clock:     {refusedDead},
}

// trouble is that somebody can't get a token: because of what, since when, and until when nobody need try again.
type trouble struct {
	why         []kind
	from, until time.Time
}

func (t trouble) lasts(now time.Time) bool { return len(t.why) > 0 && !now.After(t.until) }

// attempt is an operation, as much of it as decides whether it could have had a token.
type attempt struct {
	git          bool
	fresh        bool // needs a token of its own that isn't minted yet: a workspace that starts
	installation int
	replicas     []int       // through which it gets its tokens
	refused      []time.Time // when operations of this workspace before it ended because a token was found dead
	began, ended time.Time

	held     time.Time // when the token dies that the workspace was handed last; zero: not known
	platform []trouble // of the replicas, with the token's owner
	own      trouble   // of the workspace's own cache; git has none
}

// mayBeRefused reports whether there may be a dead token that nobody knows of: one that a jump of the clock killed, or whose
// end it brought nearer. After each jump each replica can have one of its own, and hears of it by the operation of a
// workspace that finds it, or by the first try of a program, which tries again at once.
func (r rules) mayBeRefused(hs []happening, a attempt) bool {
	dead := 0
	var since time.Time
	for _, h := range hs {
		if h.kind != clock || h.amount <= 0 || h.over(a.ended.Add(-r.life)) || a.ended.Before(h.began) {
			continue
		}
		if dead == 0 || h.began.Before(since) {
			since = h.began
		}
		if dead += len(a.replicas); !a.git {
			dead--
		}
	}
	for _, refused := range a.refused {
		if refused.After(since) {
			dead--
		}
	}
	return dead > 0
}

// dying reports whether a program was handed a token that ended then: there was none with more life.
func (a attempt) dying() bool {
	return !a.git && a.ended.After(a.held.Add(-skew)) && a.ended.Before(a.held.Add(skew))
}

// oracle says of an operation that failed whether a token could be had for it. It is safe for concurrent use.
type oracle struct {
	rules rules
	pulse *pulse

	mu         sync.Mutex
	happenings []happening
}

// now are the rules with what the machine is late by at the moment.
func (o *oracle) now() rules {
	r := o.rules
	late := o.pulse.late()
	r.standstill = late > r.mintTimeout
	r.grace, r.pace, r.gitPace = r.grace+late, r.pace+late, r.gitPace+late
	return r
}

// begin notes that f takes place from now on.
func (o *oracle) begin(f fault) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.happenings = append(o.happenings, happening{fault: f, began: time.Now()})
	return len(o.happenings) - 1
}

// end notes that it is over.
func (o *oracle) end(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := &o.happenings[n]
	h.ended = time.Now()
	if h.lasts > 0 { // or until it was felt
		h.lasts = max(h.lasts, h.ended.Sub(h.began))
	}
}

func (o *oracle) happened() []happening {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.happenings)
}

func (o *oracle) judge(a attempt) (why []kind) { return o.now().judge(o.happened(), a) }

// judge is why no token could be had for a; nothing when one could.
func (r rules) judge(hs []happening, a attempt) (why []kind) {
	excused := func(k kind) {
		if !slices.Contains(why, k) {
			why = append(why, k)
		}
	}
	if r.standstill {
		excused(standstill)
	}
	for _, h := range hs {
		switch {
		case a.ended.Before(h.began):
		case h.kind == suspended && h.target == a.installation && !h.over(a.began.Add(-r.grace)):
			excused(suspended) // the API refuses what is held
		case h.kind == clock && h.amount > 0 && !a.fresh && !a.git && !h.over(a.began.Add(-r.pace-r.settle-r.grace)):
			excused(clock) // until the platform has heard of it from a workspace whose token has settled
		case h.kind == endpoint && a.git && slices.Contains(a.replicas, h.target) && !h.over(a.began.Add(-r.grace)) && r.spent(hs, h.began, a):
			excused(endpoint)
		}
	}
	if !a.fresh && r.mayBeRefused(hs, a) {
		excused(clock)
	}
	if a.git || a.fresh || a.dying() {
		for _, t := range a.platform {
			if t.lasts(a.began) && (a.fresh || r.spent(hs, t.from, a)) {
				why = append(why, t.why...)
			}
		}
	}
	if !a.git && !a.fresh && a.own.lasts(a.began) && r.spent(hs, a.own.from, a) {
		why = append(why, a.own.why...)
	}
	return why
}

// spent reports whether the token that was held when a trouble began may be dead by now: the one that the workspace was
// handed last, and any that it must have had by the rules.
func (r rules) spent(hs []happening, from time.Time, a attempt) bool {
	quiet := true
	began := from
	for _, h := range hs {
		switch {
		case h.began.After(a.ended):
		case h.kind == clock && h.amount > 0 && h.began.After(a.ended.Add(-r.life)),
			h.kind == suspended && h.target == a.installation && !h.over(a.ended.Add(-r.life)):
			return true // it was killed
		case h.kind == clock, h.kind == suspended, h.kind == rotated && h.how != late:
		case h.began.After(from): // came on top of it
		case !h.over(from):
			if h.began.Before(began) {
				began = h.began // the one that it began with
			}
		case !h.over(from.Add(-r.life / 2)):
			quiet = false
		}
	}
	for _, h := range hs { // what went on when that began
		if h.began.Before(began) && !h.over(began.Add(-r.life/2)) {
			quiet = false
		}
	}
	switch {
	case a.ended.Before(a.held.Add(-skew)):
		return false
	case !a.git && a.held.IsZero():
		return true // it was handed none yet
	}
	return !quiet || !a.ended.Before(began.Add(r.room(a.git)))
}
