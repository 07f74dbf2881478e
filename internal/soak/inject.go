package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/internal/sleep"
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
			if !sleep.For(ctx, time.Until(w.began.Add(f.at))) {
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
		sleep.For(ctx, f.lasts)
		mend()
	case cut:
		mend := w.forge.cut()
		sleep.For(ctx, f.lasts)
		mend()
	case suspended:
		w.forge.Suspend(installationID(f.target), true)
		sleep.For(ctx, f.lasts)
		w.forge.Suspend(installationID(f.target), false)
	case rotated:
		return w.forge.rotate(f, func() { sleep.For(ctx, f.lasts) })
	case clock:
		w.forge.jump(f.amount)
	case endpoint:
		w.replicas[f.target].stop()
		sleep.For(ctx, f.lasts)
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
		sleep.For(ctx, f.lasts)
		return primary.thaw()
	case restarted, failedOver:
		primary.kill()
		sleep.For(ctx, f.lasts)
		if f.how == restarted {
			return w.redis.restart(always)
		}
		return w.redis.failOver(always)
	}
	w.redis.kill()
	sleep.For(ctx, f.lasts)
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
