package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// kind is what goes wrong.
type kind string

const (
	down      kind = "github down"       // no mint succeeds: an error page, a broken connection, or no answer
	slow      kind = "github slow"       // mints are answered late
	limited   kind = "rate limit"        // mints are refused with the time to wait
	suspended kind = "suspension"        // an installation is suspended: the API refuses its tokens, too
	rotated   kind = "key rotation"      // GitHub takes another key of the app, and no longer the one before
	clock     kind = "clock moved"       // GitHub's clock jumps
	endpoint  kind = "endpoint restart"  // a replica's endpoint is gone for a while
	redisGone kind = "redis unavailable" // the store is stopped and comes back empty, or hangs
)

// standstill is none that is injected: the machine was too busy for anything to be in time, so that nothing is proved.
const standstill kind = "the machine stood still"

// kinds are all of them.
var kinds = []kind{down, slow, limited, suspended, rotated, clock, endpoint, redisGone}

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
	killed       = "killed"                             // redisGone
	stopped      = "stopped"                            // redisGone: it takes connections and doesn't answer
)

// fault is one thing that goes wrong, and when.
type fault struct {
	kind   kind
	how    string
	at     time.Duration // since the start
	lasts  time.Duration
	amount time.Duration // slow: added to each mint; limited: the wait that is told; clock: what it is moved by
	target int           // suspended: the installation; endpoint: the replica
}

func (f fault) ends() time.Duration { return f.at + f.lasts }

// String shows f as a failing run prints it.
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

// schedule is what goes wrong between from and to, as seed says: rounds in which each kind comes at least once, in any
// order, now and then on top of the one before. In each round one outage of GitHub's is longer than half of a token's
// life.
func schedule(seed uint64, from, to, life time.Duration) []fault {
	r := rand.New(rand.NewPCG(seed, 0x5c4ed))
	var faults []fault
	begins := from
	for round := 0; ; round++ {
		for n, k := range order(r) {
			f := draw(r, k, round)
			if f.kind == down && n < len(kinds) { // the one that each round has
				f.how, f.lasts = pick(r, byPage, byDisconnect), between(r, life/2+life/20, life/2+life/10)
			}
			f.at = begins
			if f.ends() > to {
				return faults
			}
			faults = append(faults, f)
			if r.IntN(4) == 0 {
				begins += between(r, 0, f.lasts+time.Second) // the next one comes on top of it
			} else {
				begins = f.ends() + between(r, 2*time.Second, 6*time.Second)
			}
		}
	}
}

// order is each kind once and some of those that cost little again, shuffled.
func order(r *rand.Rand) []kind {
	first := append([]kind(nil), kinds...)
	r.Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
	again := []kind{down, endpoint, rotated, clock, slow, redisGone, down, endpoint}
	r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	return append(first, again[:2]...)
}

// draw is a fault of that kind, its time not yet set.
func draw(r *rand.Rand, k kind, round int) fault {
	const ms, s = time.Millisecond, time.Second
	f := fault{kind: k}
	switch k {
	case down:
		f.how, f.lasts = pick(r, byPage, byDisconnect, byHang), between(r, 300*ms, 1500*ms)
	case slow:
		f.amount, f.lasts = between(r, 300*ms, 1500*ms), between(r, 3*s, 7*s)
	case limited:
		f.how, f.amount, f.lasts = pick(r, primary, secondary), pick(r, s, 2*s), between(r, s, 2*s)
	case suspended:
		f.target, f.lasts = r.IntN(installations), between(r, s, 4*s)
	case rotated:
		f.how = pick(r, overlapping, atOnce)
		if round > 0 && r.IntN(4) == 0 {
			f.how = late
		}
		if f.how != atOnce {
			f.lasts = between(r, 300*ms, s)
		}
	case clock:
		f.amount = pick(r, between(r, 5*s, 50*s), between(r, 10*time.Minute, 20*time.Minute)) * pick(r, time.Duration(1), -1)
	case endpoint:
		f.target, f.lasts = r.IntN(replicas), pick(r, between(r, 200*ms, 800*ms), between(r, 2*s, 4*s))
	case redisGone:
		f.how, f.lasts = pick(r, killed, stopped), between(r, 2*s, 6*s)
	}
	return f
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return (least + time.Duration(r.Int64N(int64(most-least)+1))).Truncate(time.Millisecond)
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
