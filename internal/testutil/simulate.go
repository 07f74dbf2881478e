package testutil

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Fewer returns n, or a tenth of it with the race detector: that takes ten times
// as long, and a race shows in few runs as well.
func Fewer(n int) int {
	if race {
		return n / 10
	}
	return n
}

// Simulate calls run for so many seeds, from first on; 0 is another one each
// time. As many as together share a bubble, and with it a clock, which goes on
// for after when they are over, for what they left behind.
func Simulate(t *testing.T, first uint64, runs, together int, after time.Duration, run func(seed uint64)) {
	if first == 0 {
		first = rand.Uint64() >> 1
	}
	t.Logf("%d runs, seeds from %d on", runs, first)
	together = min(runs, together)
	turns := make(chan uint64)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for from := range turns {
				synctest.Test(t, func(*testing.T) {
					var bubble sync.WaitGroup
					for n := range uint64(together) {
						bubble.Go(func() { run(from + n) })
					}
					bubble.Wait()
					time.Sleep(after)
				})
			}
		})
	}
	for n := 0; n < runs; n += together {
		turns <- first + uint64(n)
	}
	close(turns)
	all.Wait()
}

// Fate is what becomes of a call of a simulated store.
type Fate int

const (
	happens Fate = iota
	fails
	hangs
	answerLost // it happens all the same
	comesLate  // it happens when nobody waits for it any more
)

// errFate is the error of a call that goes wrong.
var errFate = errors.New("connection reset")

// FateAway returns the fate of a call while the store is away.
func FateAway(r *rand.Rand) Fate { return fails + Fate(r.IntN(2)) }

// FateBad returns the fate of a call that goes wrong.
func FateBad(r *rand.Rand) Fate { return fails + Fate(r.IntN(4)) }

// Load returns the error of a Load, after the time that it takes.
func (f Fate) Load(ctx context.Context) error {
	switch f {
	case fails, answerLost:
		return errFate
	case hangs, comesLate:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// Swap returns the error of a Swap that doesn't happen. One that comes late
// happens after late has returned.
func (f Fate) Swap(ctx context.Context, late func()) error {
	switch f {
	case fails:
		return errFate
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	case comesLate:
		late()
	}
	return nil
}

// Told returns what the caller of a Swap is told that happened.
func (f Fate) Told(swapped bool) (bool, error) {
	if f != happens {
		return false, errFate
	}
	return swapped, nil
}
