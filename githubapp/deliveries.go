package githubapp

import (
	"crypto/sha256"
	"sync"
	"time"
)

// How many deliveries are remembered, and for how long.
const (
	maxDeliveries  = 10_000
	deliveryMemory = time.Hour
)

// deliveries remembers which were taken, by the SHA-256 of their id. The zero
// deliveries is empty.
type deliveries struct {
	mu    sync.Mutex
	taken map[[sha256.Size]byte]bool
	order []takenDelivery // the oldest first
}

type takenDelivery struct {
	id [sha256.Size]byte
	at time.Time
}

// take reports whether the delivery with that id wasn't taken before, which it
// is now. One without an id can't be told from others and always is new.
func (d *deliveries) take(id string) bool {
	if id == "" {
		return true
	}
	sum, now := sha256.Sum256([]byte(id)), time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.order) > 0 && (len(d.order) >= maxDeliveries || now.Sub(d.order[0].at) >= deliveryMemory) {
		delete(d.taken, d.order[0].id)
		d.order = d.order[1:]
	}
	if d.taken[sum] {
		return false
	}
	if d.taken == nil {
		d.taken = make(map[[sha256.Size]byte]bool)
	}
	d.taken[sum] = true
	d.order = append(d.order, takenDelivery{sum, now})
	return true
}
