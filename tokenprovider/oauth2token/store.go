package oauth2token

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/sleep"
)

const (
	storeTimeout = 2 * time.Second // of each call
	maxChanges   = 16              // tries to change a record that others change
	maxFailures  = 3               // of the store, during a change
)

var errContended = errors.New("the record changes all the time")

// load returns the record under key and the value that it is. The error is
// [errSealed], with the value, or the store's.
func (s *settings) load(ctx context.Context, key string, patience time.Duration) (*record, []byte, error) {
	value, err := call(ctx, s, patience, func(ctx context.Context) ([]byte, error) {
		return s.store.Load(ctx, key)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("load the record %q: %w", key, err)
	}
	r, err := s.unseal(key, value)
	return r, value, err
}

// swap puts next in the place of value; nil removes it.
func (s *settings) swap(ctx context.Context, key string, value []byte, next *record) (bool, error) {
	var sealed []byte
	if next != nil {
		sealed = s.seal(key, next)
	}
	swapped, err := call(ctx, s, storeTimeout, func(ctx context.Context) (bool, error) {
		return s.store.Swap(ctx, key, value, sealed, 0)
	})
	if err != nil {
		return false, fmt.Errorf("save the record %q: %w", key, err)
	}
	return swapped, nil
}

// change changes the record under key to what next makes of it, nil for none,
// and returns that. next sees nil where there is none, and is asked again when
// the record changed meanwhile or when it isn't known whether the change was
// made: it has to know its own again. What it returns unchanged stays, and is
// swapped in once more after an error: only a Swap that says true says that it
// is as safe as the store keeps records. Its error ends the change, and so do
// errors of the store, soon. With overwrite a record that can't be opened is
// none to next, and replaced.
func (s *settings) change(ctx context.Context, key string, overwrite bool,
	next func(*record) (*record, error)) (*record, error) {
	failures := 0
	last := errContended
	for try := 0; try < maxChanges && failures < maxFailures; try++ {
		if try > 0 {
			sleep.For(ctx, rand.N(time.Duration(min(try, 10))*20*time.Millisecond))
		}
		r, value, err := s.load(ctx, key, storeTimeout)
		switch {
		case err == errSealed && !overwrite:
			return nil, err
		case err != nil && err != errSealed:
			last, failures = err, failures+1
			continue
		}
		changed, err := next(r)
		unchanged := changed == r && (r != nil || len(value) == 0)
		if err != nil || unchanged && (r == nil || failures == 0) {
			return changed, err
		}
		swapped, err := s.swap(ctx, key, value, changed)
		if swapped {
			return changed, nil
		}
		if err != nil {
			last, failures = err, failures+1
		}
	}
	return nil, last
}

// call makes a call of the store. It returns after patience or at the end of
// ctx even if the call doesn't.
func call[T any](ctx context.Context, s *settings, patience time.Duration,
	f func(context.Context) (T, error)) (T, error) {
	value, err := foreign.CallStore(ctx, patience, s.logger, f)
	if err == foreign.ErrNoAnswer {
		err = errors.New("the store gave no answer in time")
	}
	return value, err
}
