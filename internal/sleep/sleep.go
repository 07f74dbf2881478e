// Package sleep waits for a time, or for the end of a context.
package sleep

import (
	"context"
	"time"
)

// For waits for d, or returns false when ctx ends first. With a d of zero or
// less it returns true at once.
func For(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
