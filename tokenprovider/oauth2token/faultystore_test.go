package oauth2token_test

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// faultyStore is a store whose calls go wrong while somebody says so.
type faultyStore struct {
	tokenprovider.Store
	loads, swaps atomic.Pointer[fault]
}

// fault is what happens to a call: before it reaches the store, and to its
// answer.
type fault struct {
	before, after func(ctx context.Context) error
}

var errStore = errors.New("connection refused by 10.0.0.7")

func errs(context.Context) error { return errStore }

// hangs doesn't heed ctx.
func hangs(context.Context) error { time.Sleep(time.Hour); return errStore }

func panics(context.Context) error { panic("a defect") }

func (f *fault) do(ctx context.Context, before bool) error {
	switch {
	case f == nil:
	case before && f.before != nil:
		return f.before(ctx)
	case !before && f.after != nil:
		return f.after(ctx)
	}
	return nil
}

func (s *faultyStore) Load(ctx context.Context, key string) ([]byte, error) {
	f := s.loads.Load()
	if err := f.do(ctx, true); err != nil {
		return nil, err
	}
	value, err := s.Store.Load(ctx, key)
	if err := f.do(ctx, false); err != nil {
		return nil, err
	}
	return value, err
}

func (s *faultyStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	f := s.swaps.Load()
	if err := f.do(ctx, true); err != nil {
		return false, err
	}
	swapped, err := s.Store.Swap(ctx, key, old, new, ttl)
	if err := f.do(ctx, false); err != nil {
		return false, err
	}
	return swapped, err
}
