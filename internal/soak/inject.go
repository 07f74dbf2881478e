package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// inject lets each fault take place at its time, and tells of each when it is over. wait returns when all are, with what
// kept one of them from taking place.
func (w *world) inject(ctx context.Context, faults []fault, tell func(happening)) (wait func() error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, f := range faults {
		all.Go(func() {
			if !w.sleep(ctx, time.Until(w.began.Add(f.at))) {
				return
			}
			happened, err := w.takePlace(ctx, f)
			mu.Lock()
			defer mu.Unlock()
			tell(happened)
			if err != nil {
				failed = fmt.Errorf("%s: %w", f, err)
			}
		})
	}
	return func() error {
		all.Wait()
		return failed
	}
}

// takePlace is one fault, from its beginning to its end. It ends at the end of ctx, too.
func (w *world) takePlace(ctx context.Context, f fault) (_ happening, err error) {
	if f.kind == redisGone {
		w.redisUse.Lock()
		defer w.redisUse.Unlock()
	}
	n := w.oracle.begin(f)
	err = w.apply(ctx, n, f)
	w.oracle.end(n)
	return w.oracle.happened()[n], err
}

// apply is what f, the n-th happening, does.
func (w *world) apply(ctx context.Context, n int, f fault) error {
	wait := func(d time.Duration) { w.sleep(ctx, d) }
	switch f.kind {
	case down, slow, limited:
		w.forge.spoil(n, f)
		wait(f.lasts)
		w.forge.mend(n)
	case suspended:
		w.forge.Suspend(installationID(f.target), true)
		wait(f.lasts)
		w.forge.Suspend(installationID(f.target), false)
	case rotated:
		return w.forge.rotate(f, wait)
	case clock:
		w.forge.jump(f.amount)
	case endpoint:
		w.replicas[f.target].stop()
		wait(f.lasts)
		return w.replicas[f.target].start()
	case redisGone:
		failures := w.journal.counted("token store failed")
		defer func() {
			if w.journal.counted("token store failed") > failures {
				w.forge.felt(redisGone)
			}
		}()
		if f.how == stopped {
			if err := w.redis.freeze(ctx, f.lasts); err != nil {
				return err
			}
			wait(f.lasts)
			return nil
		}
		w.redis.kill()
		wait(f.lasts)
		return w.redis.start(context.WithoutCancel(ctx))
	}
	return nil
}

// sleep is false when ctx ends first.
func (w *world) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
