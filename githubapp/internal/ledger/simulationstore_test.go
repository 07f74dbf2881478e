package ledger_test

import (
	"bytes"
	"context"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
)

// store is what the replicas of a world share.
type store struct {
	world  *world
	values map[string][]byte
	errs   int  // of ten calls, how many go wrong
	away   bool // all do
}

// replicaStore is the store as a replica reaches it.
type replicaStore struct {
	*store
	replica *replica
}

const (
	latest    = 5 * time.Second
	roundTrip = 50 * time.Millisecond
)

// reach waits until a call gets to the store, and returns what becomes of it and
// what is in the store.
func (s replicaStore) reach() (fate testutil.Fate, values map[string][]byte) {
	s.world.pause(roundTrip)
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	switch {
	case s.replica.crashed:
		return fate, s.replica.ghost
	case s.away:
		return testutil.FateAway(s.world.rand), s.values
	case s.world.rand.IntN(10) < s.errs:
		s.world.away = true // as far as the replica can tell
		return testutil.FateBad(s.world.rand), s.values
	}
	return fate, s.values
}

func (s replicaStore) Load(ctx context.Context, key string) ([]byte, error) {
	fate, values := s.reach()
	if err := fate.Load(ctx); err != nil {
		return nil, err
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	return bytes.Clone(values[key]), nil
}

func (s replicaStore) Swap(ctx context.Context, key string, old, new []byte, _ time.Duration) (bool, error) {
	fate, values := s.reach()
	if err := fate.Swap(ctx, func() { s.world.pause(latest) }); err != nil {
		return false, err
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	swapped := bytes.Equal(values[key], old)
	if swapped {
		values[key] = new
	}
	return fate.Told(swapped)
}
