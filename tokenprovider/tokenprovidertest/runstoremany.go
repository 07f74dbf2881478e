package tokenprovidertest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// contenders is how many goroutines work on one key at once.
const contenders = 8

func hasOneWinner(ctx context.Context, s keyed) error {
	held := []byte(nil)
	for round := range 10 {
		var all sync.WaitGroup
		var winners atomic.Int64
		errs := make(chan error, contenders)
		for n := range contenders {
			all.Go(func() {
				swapped, err := s.Swap(ctx, s.key, held, fmt.Appendf(nil, "%d of %d", n, round), forever)
				if err != nil {
					errs <- fmt.Errorf("Swap failed: %w", err)
				}
				if swapped {
					winners.Add(1)
				}
			})
		}
		all.Wait()
		if len(errs) > 0 {
			return <-errs
		}
		if winners.Load() != 1 {
			return fmt.Errorf("%d of %d that swap from the same old at once succeeded",
				winners.Load(), contenders)
		}
		var err error
		if held, err = s.Load(ctx, s.key); err != nil {
			return fmt.Errorf("Load failed: %w", err)
		}
	}
	return s.swap(ctx, held, nil, 0, true)
}

// losesAnswers has many add lines to one value, each line once, while many of
// their calls are given up before the answer is there.
func losesAnswers(ctx context.Context, s keyed) error {
	const lines = 6
	var all sync.WaitGroup
	errs := make(chan error, contenders)
	for n := range contenders {
		all.Go(func() {
			for line := range lines {
				if err := s.add(ctx, fmt.Appendf(nil, "<%d.%d>", n, line)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	if len(errs) > 0 {
		return <-errs
	}
	value, err := s.Load(ctx, s.key)
	if err != nil {
		return fmt.Errorf("Load failed: %w", err)
	}
	for n := range contenders {
		for line := range lines {
			if count := bytes.Count(value, fmt.Appendf(nil, "<%d.%d>", n, line)); count != 1 {
				return fmt.Errorf("what one of %d added is there %d times", contenders, count)
			}
		}
	}
	return s.swap(ctx, value, nil, 0, true)
}

// add appends line to the value as the contract says: after a Swap that was
// false, failed or was given up it looks for its line first.
func (s keyed) add(ctx context.Context, line []byte) error {
	for {
		held, err := s.Load(ctx, s.key)
		if err != nil {
			return fmt.Errorf("Load failed: %w", err)
		}
		if bytes.Contains(held, line) {
			return nil
		}
		patience := forever
		if rand.IntN(2) == 0 {
			patience = time.Duration(rand.Int64N(int64(2 * time.Millisecond)))
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		swapped, _ := s.Swap(limited, s.key, held, append(bytes.Clone(held), line...), forever)
		cancel()
		if swapped && rand.IntN(2) == 0 {
			return nil // else the answer is lost
		}
	}
}
