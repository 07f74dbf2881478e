package tokenprovider_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func goexit() { runtime.Goexit() }

const lockKey = sharedKey + "/lock"

// takeLock takes the lock of sharedKey, as another replica does.
func takeLock(t testing.TB, s tokenprovider.Store, ttl time.Duration) {
	t.Helper()
	taken, err := s.Swap(t.Context(), lockKey, nil, []byte("another replica"), ttl)
	require.NoError(t, err)
	require.True(t, taken, "the lock is still held")
}

// put stores a value under sharedKey, where there is none.
func put(t testing.TB, s tokenprovider.Store, value []byte) {
	t.Helper()
	swapped, err := s.Swap(t.Context(), sharedKey, nil, value, time.Hour)
	require.NoError(t, err)
	require.True(t, swapped)
}

// faultyStore is a store in memory, with a function in place of each method
// that is to do something else.
type faultyStore struct {
	*tokenprovidertest.Store
	load func(context.Context, string) ([]byte, error)
	swap func(context.Context, string, []byte, []byte, time.Duration) (bool, error)
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

// What a store does that is down, and one that hangs.
func refuse(context.Context) error { return errors.New("connection refused") }

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// purpose names what a Swap is for.
func purpose(key string, new []byte) string {
	switch lock := strings.HasSuffix(key, "/lock"); {
	case lock && new != nil:
		return "lock"
	case lock:
		return "unlock"
	case new != nil:
		return "save"
	}
	return "remove"
}

// newFaulty returns a store that does fault first where it is to load, or where
// the Swap is for that purpose, or for all.
func newFaulty(method string, fault func(context.Context) error) *faultyStore {
	s := &faultyStore{Store: tokenprovidertest.NewStore()}
	if method == "load" || method == "all" {
		s.load = func(ctx context.Context, _ string) ([]byte, error) { return nil, fault(ctx) }
	}
	s.swap = func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
		if method == "all" || method == purpose(key, new) {
			return false, fault(ctx)
		}
		return s.Store.Swap(ctx, key, old, new, ttl)
	}
	return s
}
