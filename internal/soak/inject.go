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
	switch f.kind {
	case suspended, endpoint, redisGone: // the end of one would be the end of another, too
		turn, _ := w.turns.LoadOrStore(fault{kind: f.kind, target: f.target}, &sync.Mutex{})
		turn.(*sync.Mutex).Lock()
		defer turn.(*sync.Mutex).Unlock()
	}
	n := w.oracle.begin(f)
	err = w.apply(ctx, n, f)
	w.oracle.end(n)
	return w.oracle.happened()[n], err
}

// apply is what f, the n-th happening, does.
func (w *world) apply(ctx context.Context, n int, f fault) error {
	switch f.kind {
	case down, slow, limited:
		w.forge.spoil(n, f)
		w.last(ctx, f)
		w.forge.mend(n)
	case suspended:
		w.forge.Suspend(installationID(f.target), true)
		w.last(ctx, f)
		w.forge.Suspend(installationID(f.target), false)
	case rotated:
		return w.forge.rotate(f, func(d time.Duration) { w.sleep(ctx, d) })
	case clock:
		w.forge.jump(f.amount)
	case endpoint:
		w.replicas[f.target].stop()
		w.last(ctx, f)
		return w.replicas[f.target].start()
	case redisGone:
		if f.how == stopped {
			if err := w.redis.freeze(); err != nil {
				return err
			}
			w.last(ctx, f)
			return w.redis.thaw()
		}
		w.redis.kill()
		w.last(ctx, f)
		return w.redis.start(context.WithoutCancel(ctx))
	}
	return nil
}

// last waits for as long as f is to last, and on until something has felt it: a fault that nobody feels proves nothing. In the
// life of a token all are replaced, so that is enough.
func (w *world) last(ctx context.Context, f fault) {
	before := w.effects(f.kind)
	w.sleep(ctx, f.lasts)
	for end := time.Now().Add(w.config.life); w.effects(f.kind) == before && time.Now().Before(end); {
		if !w.sleep(ctx, 20*time.Millisecond) {
			return
		}
	}
}

// effects is how often faults of a kind have been felt.
func (w *world) effects(k kind) int {
	if k == redisGone {
		return w.journal.counted("token store failed")
	}
	return w.forge.effects(k)
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
