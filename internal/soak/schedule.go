package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// schedule returns what goes wrong between from and to, as seed says, but for
// what all wouldn't have recovered from by then. It comes in rounds. Each begins in quiet with
// what nothing may fail for, in any order, and the suspension of one
// installation. Then GitHub is down for more than half of a token's life, and
// in the time that it takes all to recover come the other faults. Now and then
// one comes on top of the one before.
func schedule(seed uint64, from, to, life time.Duration) []fault {
	r := rand.New(rand.NewPCG(seed, 0x5c4ed))
	var faults []fault
	for round := 0; ; round++ {
		begins, quiet, before := from, from, len(faults)
		for _, f := range drawRound(r, round, life) {
			f.at = begins
			if f.ends()+f.recovery(most, life) > to {
				continue
			}
			faults = append(faults, f)
			quiet = max(quiet, f.ends()+f.recovery(most, life))
			if f.kind == suspended || r.IntN(4) == 0 {
				begins += between(r, 0, min(f.lasts, 2*time.Second)) // the next one comes on top of it
			} else {
				begins = f.ends() + between(r, time.Second, 2500*time.Millisecond)
			}
		}
		if from = quiet; len(faults) == before {
			return faults
		}
	}
}

// drawRound returns the faults of a round in their order.
func drawRound(r *rand.Rand, round int, life time.Duration) []fault {
	const ms, s = time.Millisecond, time.Second
	back, ahead := jumps(r, life)
	bridged := func() []fault {
		return shuffled(r,
			fault{kind: slow, amount: between(r, 300*ms, 1500*ms), lasts: between(r, 3*s, 5*s)},
			fault{kind: rotated, how: atOnce},
			fault{kind: rotated, how: overlapping, lasts: between(r, 300*ms, s)},
			fault{kind: clock, amount: back},
			fault{kind: endpoint, target: r.IntN(replicas), lasts: between(r, 2*s, 4*s)},
			fault{kind: redisGone, how: pick(r, killed, stopped, restarted, failedOver), lasts: between(r, 2*s, 5*s)},
		)
	}
	others := append(bridged()[:1],
		fault{kind: down, how: pick(r, byPage, byDisconnect, byHang), lasts: between(r, 300*ms, 1500*ms)},
		fault{kind: limited, how: pick(r, primary, secondary), lasts: between(r, 3*s, 4*s), amount: pick(r, s, 2*s)},
		fault{kind: clock, amount: ahead},
		fault{kind: cut, lasts: between(r, 1500*ms, 2500*ms)},
	)
	if round > 0 {
		others = append(others, fault{kind: rotated, how: late, lasts: between(r, 300*ms, s)})
	}
	suspension := fault{kind: suspended, target: r.IntN(installations), lasts: between(r, 2*s, 4*s)}
	outage := fault{kind: down, how: pick(r, byPage, byDisconnect), lasts: life/2 + between(r, 0, life/20)}
	return slices.Concat([]fault{suspension}, bridged(), []fault{outage}, shuffled(r, others...))
}

// jumps returns by how much the clock moves, once back and once ahead: by more
// than an app's JWT allows, and by so little that GitHub doesn't say a word. That
// mustn't matter against a token's life, as a minute doesn't against an hour.
func jumps(r *rand.Rand, life time.Duration) (back, ahead time.Duration) {
	large, small := between(r, 10*time.Minute, 20*time.Minute), between(r, life/30, life/10)
	if r.IntN(2) == 0 {
		return -large, small
	}
	return -small, large
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return (least + time.Duration(r.Int64N(int64(most-least)+1))).Truncate(time.Millisecond)
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func shuffled[T any](r *rand.Rand, of ...T) []T {
	r.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	return of
}
