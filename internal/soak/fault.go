package main

import (
	"fmt"
	"sync"
	"time"
)

// kind is what goes wrong.
type kind string

const (
	down      kind = "github down"       // no mint succeeds
	slow      kind = "github slow"       // mints are answered late
	limited   kind = "rate limit"        // mints are refused with the time to wait
	suspended kind = "suspension"        // an installation is suspended: the API refuses its tokens, too
	rotated   kind = "key rotation"      // GitHub takes another key of the app
	clock     kind = "clock moved"       // GitHub's clock jumps
	endpoint  kind = "endpoint restart"  // a replica's endpoint is gone for a while
	redisGone kind = "redis unavailable" // the store is gone, or hangs
	cut       kind = "transfer cut"      // GitHub dies in the middle of each answer to git

	// stall isn't injected: this machine was so busy that nothing could be in time.
	stall kind = "machine busy"
)

// kinds are those that are injected.
var kinds = []kind{down, slow, limited, suspended, rotated, clock, endpoint, redisGone, cut}

// How a fault of a kind that has several forms shows.
const (
	byPage       = "an error page"                      // down
	byDisconnect = "broken connections"                 // down
	byHang       = "no answer"                          // down
	primary      = "primary"                            // limited
	secondary    = "secondary"                          // limited
	overlapping  = "both keys for a while"              // rotated
	atOnce       = "at once"                            // rotated
	late         = "the platform's key file comes late" // rotated
	killed       = "killed"                             // redisGone: it comes back empty
	stopped      = "stopped"                            // redisGone: it takes connections and doesn't answer
	restarted    = "restarted"                          // redisGone: it comes back with what it had
	failedOver   = "failed over"                        // redisGone: its replica takes over
)

// fault is one thing that goes wrong, and when.
type fault struct {
	kind   kind
	how    string
	at     time.Duration // since the start
	lasts  time.Duration
	amount time.Duration // slow: added to a mint; limited: the wait told; clock: its jump
	target int           // suspended: the installation; endpoint: the replica
}

func (f fault) ends() time.Duration { return f.at + f.lasts }

// String shows f as a run prints it.
func (f fault) String() string {
	text := fmt.Sprintf("%6.2f s  %s", f.at.Seconds(), f.kind)
	if f.lasts > 0 {
		text += fmt.Sprintf(" for %.2f s", f.lasts.Seconds())
	}
	switch f.kind {
	case slow:
		text += fmt.Sprintf(", by %s", f.amount)
	case limited:
		text += fmt.Sprintf(", retry after %s", f.amount)
	case clock:
		text += fmt.Sprintf(" by %s", f.amount)
	case suspended:
		text += fmt.Sprintf(", installation %d", f.target)
	case endpoint:
		text += fmt.Sprintf(", replica %d", f.target)
	}
	if f.how != "" {
		text += " (" + f.how + ")"
	}
	return text
}

// happening is a fault as it took place.
type happening struct {
	fault
	began time.Time // before its first effect
	ended time.Time // after its last one, or now
}

// history is what has happened so far. It is safe for concurrent use.
type history struct {
	mu         sync.Mutex
	happenings []happening // ended is zero while one lasts
	beat       time.Time   // the one of watch that is under way
}

// begin notes that f takes place from that time on, until the function is
// called, which returns how it was.
func (hs *history) begin(f fault, at time.Time) (end func() happening) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	n := len(hs.happenings)
	hs.happenings = append(hs.happenings, happening{fault: f, began: at})
	return func() happening {
		hs.mu.Lock()
		defer hs.mu.Unlock()
		h := &hs.happenings[n]
		h.ended = time.Now()
		if h.lasts > 0 {
			h.lasts = h.ended.Sub(h.began)
		}
		return *h
	}
}

// all returns what has happened; what lasts still has lasted until now.
func (hs *history) all() []happening {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	all := append([]happening(nil), hs.happenings...)
	for n := range all {
		if h := &all[n]; h.ended.IsZero() {
			h.ended = time.Now()
			h.lasts = h.ended.Sub(h.began)
		}
	}
	if !hs.beat.IsZero() && time.Since(hs.beat) > tooLate {
		all = append(all, happening{fault: fault{kind: stall}, began: hs.beat, ended: time.Now()})
	}
	return all
}
