package ledger

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

const (
	// storePatience bounds one call of the Store.
	storePatience = 2 * time.Second

	// storeRest is how long a Store that failed isn't asked.
	storeRest = 5 * time.Second
)

// guarded is a Store that may fail, hang or panic: nobody waits for it longer
// than storePatience, and nobody at all for storeRest after it failed. Whoever
// comes then asks it, while others still do without.
type guarded struct {
	store     tokenprovider.Store
	log       *slog.Logger
	awayUntil atomic.Int64 // wall time in Unix nanoseconds; 0: it answers
}

func (g *guarded) Load(ctx context.Context, key string) ([]byte, error) {
	return call(ctx, g, "load", func(ctx context.Context) ([]byte, error) { return g.store.Load(ctx, key) })
}

func (g *guarded) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	return call(ctx, g, "swap", func(ctx context.Context) (bool, error) { return g.store.Swap(ctx, key, old, new, ttl) })
}

// call returns [ErrAway] for a Store that fails, and the caller's own error when
// it is the caller who left.
func call[T any](caller context.Context, g *guarded, name string, use func(context.Context) (T, error)) (T, error) {
	var none T
	if !g.mayAsk() {
		return none, ErrAway
	}
	ctx, cancel := context.WithTimeout(caller, storePatience)
	defer cancel()
	value, err := foreign.Within(ctx, "the store", use)
	if err == nil {
		g.awayUntil.Store(0)
		return value, nil
	}
	if caller.Err() != nil {
		return none, caller.Err()
	}
	if defect, ok := err.(*foreign.Defect); ok {
		err = errors.New(defect.Error()) // without the value of a panic, which may be anything
	}
	g.awayUntil.Store(time.Now().Add(storeRest).UnixNano())
	g.log.Warn("token store failed", "call", name, "error", err)
	return none, ErrAway
}

// mayAsk reports whether the caller is to ask the Store.
func (g *guarded) mayAsk() bool {
	until := g.awayUntil.Load()
	now := time.Now()
	left := time.Duration(until - now.UnixNano())
	if until == 0 || left > storeRest { // more when the clock was set back
		return true
	}
	return left <= 0 && g.awayUntil.CompareAndSwap(until, now.Add(storeRest).UnixNano())
}
