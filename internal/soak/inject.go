package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// inject lets each fault take place at its time, and tells of each when it is
// over. wait returns when all are, with what kept one of them from taking
// place.
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

// takePlace lets f take place, from its beginning to its end. It ends at the
// end of ctx, too.
func (w *world) takePlace(ctx context.Context, f fault) (happening, error) {
	switch f.kind {
	case suspended, endpoint, redisGone: // the end of one would be the end of another, too
		turn, _ := w.turns.LoadOrStore(fault{kind: f.kind, target: f.target}, &sync.Mutex{})
		turn.(*sync.Mutex).Lock()
		defer turn.(*sync.Mutex).Unlock()
	}
	end := w.history.begin(f, time.Now())
	err := w.apply(ctx, f)
	return end(), err
}

// apply does what f is, for as long as it lasts.
func (w *world) apply(ctx context.Context, f fault) error {
	switch f.kind {
	case down, slow, limited:
		mend := w.forge.spoil(f)
		w.sleep(ctx, f.lasts)
		mend()
	case cut:
		mend := w.forge.cut()
		w.sleep(ctx, f.lasts)
		mend()
	case suspended:
		w.forge.Suspend(installationID(f.target), true)
		w.sleep(ctx, f.lasts)
		w.forge.Suspend(installationID(f.target), false)
	case rotated:
		return w.forge.rotate(f, func() { w.sleep(ctx, f.lasts) })
	case clock:
		w.forge.jump(f.amount)
	case endpoint:
		w.replicas[f.target].stop()
		w.sleep(ctx, f.lasts)
		return w.replicas[f.target].start()
	case redisGone:
		return w.loseRedis(ctx, f)
	}
	return nil
}

// loseRedis takes the store away as f says, and brings it back.
func (w *world) loseRedis(ctx context.Context, f fault) error {
	primary, always := w.redis.current(), context.WithoutCancel(ctx)
	switch f.how {
	case stopped:
		if err := primary.freeze(); err != nil {
			return err
		}
		w.sleep(ctx, f.lasts)
		return primary.thaw()
	case restarted, failedOver:
		primary.kill()
		w.sleep(ctx, f.lasts)
		if f.how == restarted {
			return w.redis.restart(always)
		}
		return w.redis.failOver(always)
	}
	w.redis.kill()
	w.sleep(ctx, f.lasts)
	return w.redis.startEmpty(always)
}

// effects returns how often faults of a kind have been felt.
func (w *world) effects(k kind) int {
	switch k {
	case redisGone:
		return w.journal.counted("token store failed")
	case rotated:
		return w.forge.Signatures() - 1
	}
	return w.forge.effects(k)
}

// sleep waits for d. It returns false when ctx ends first.
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
