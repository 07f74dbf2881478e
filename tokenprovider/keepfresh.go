package tokenprovider

import (
	"context"
	"time"
)

// KeepFresh refreshes the token whenever that is due, until ctx ends, and
// returns ctx's error. It is optional: without it a refresh starts with the
// first call after it is due. Run it in a goroutine of your own, once per
// cache:
//
//	go cache.KeepFresh(ctx)
//
// A failed refresh doesn't end it: it tries again when the back-off is over.
// [Cache.Status] shows the failure.
func (c *Cache) KeepFresh(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		_, _, _ = c.Token(ctx) // its error is in the status
		timer.Reset(c.state.Load().nextLook(time.Now(), c.opts))
	}
}

// The bounds of how long KeepFresh sleeps. A timer stands still while the
// machine does, so it is never trusted for long.
const (
	minLook = 50 * time.Millisecond
	maxLook = time.Minute
)

// nextLook returns how long nothing will be due.
func (s *state) nextLook(now time.Time, opts *settings) time.Duration {
	next := maxLook
	switch {
	case s.refreshing:
		next = time.Second
	case s.next != nil:
		next = opts.settle - time.Duration(now.UnixNano()-s.next.minted)
	case s.backsOff(now):
		next = s.wait - time.Duration(now.UnixNano()-s.triedAt)
	case s.held.live(now) && s.held.life != unlimited:
		next = s.held.refreshAge - s.held.age(now)
	case !s.held.live(now):
		next = minLook
	}
	return min(max(next, minLook), maxLook)
}
