package tokenprovider_test

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
)

func goexit() { runtime.Goexit() }

type unlockFunc = func(context.Context) error

// faultyStore is a store in memory, with a function in place of each method
// that is to do something else.
type faultyStore struct {
	*tokenprovidertest.Store
	load    func(context.Context, string) ([]byte, error)
	swap    func(context.Context, string, []byte, []byte, time.Duration) (bool, error)
	save    func(context.Context, string, []byte, time.Duration) error
	remove  func(context.Context, string) error
	tryLock func(context.Context, string, time.Duration) (unlockFunc, bool, error)
}

func (s *faultyStore) Load(ctx context.Context, key string) ([]byte, error) {
	if s.load != nil {
		return s.load(ctx, key)
	}
	return s.Store.Load(ctx, key)
}

func (s *faultyStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (
	bool, error) {
	if s.swap != nil {
		return s.swap(ctx, key, old, new, ttl)
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

func (s *faultyStore) Save(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if s.save != nil {
		return s.save(ctx, key, value, ttl)
	}
	return s.Store.Save(ctx, key, value, ttl)
}

func (s *faultyStore) Delete(ctx context.Context, key string) error {
	if s.remove != nil {
		return s.remove(ctx, key)
	}
	return s.Store.Delete(ctx, key)
}

func (s *faultyStore) TryLock(ctx context.Context, key string, ttl time.Duration) (
	unlockFunc, bool, error) {
	if s.tryLock != nil {
		return s.tryLock(ctx, key, ttl)
	}
	return s.Store.TryLock(ctx, key, ttl)
}

// What a store does that is down, and one that hangs.
func refuse(context.Context) error { return errors.New("connection refused") }

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// newFaulty returns a store of which the named method, or all, does fault
// first.
func newFaulty(method string, fault func(context.Context) error) *faultyStore {
	s := &faultyStore{Store: tokenprovidertest.NewStore()}
	if method == "load" || method == "all" {
		s.load = func(ctx context.Context, _ string) ([]byte, error) { return nil, fault(ctx) }
	}
	if method == "save" || method == "all" {
		s.save = func(ctx context.Context, _ string, _ []byte, _ time.Duration) error {
			return fault(ctx)
		}
	}
	if method == "swap" || method == "all" {
		s.swap = func(ctx context.Context, _ string, _, _ []byte, _ time.Duration) (bool, error) {
			return false, fault(ctx)
		}
	}
	if method == "delete" || method == "all" {
		s.remove = func(ctx context.Context, _ string) error { return fault(ctx) }
	}
	if method == "lock" || method == "all" {
		s.tryLock = func(ctx context.Context, _ string, _ time.Duration) (unlockFunc, bool, error) {
			return nil, false, fault(ctx)
		}
	}
	if method == "unlock" {
		s.tryLock = func(context.Context, string, time.Duration) (unlockFunc, bool, error) {
			return fault, true, nil
		}
	}
	return s
}
