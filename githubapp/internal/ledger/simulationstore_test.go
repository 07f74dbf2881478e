package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"time"
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

var errStore = errors.New("connection reset")

// fate is what becomes of a call.
type fate int

const (
	happens fate = iota
	fails
	hangs
	answerLost // it happens all the same
	comesLate  // it happens when nobody waits for it any more
	latest     = 5 * time.Second
	roundTrip  = 50 * time.Millisecond
)

// reach waits until a call gets to the store, and returns what becomes of it and
// what is in the store.
func (s replicaStore) reach() (fate, map[string][]byte) {
	s.world.pause(roundTrip)
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	switch {
	case s.replica.crashed:
		return happens, s.replica.ghost
	case s.away:
		return fails + fate(s.world.rand.IntN(2)), s.values
	case s.world.rand.IntN(10) < s.errs:
		s.world.away = true // as far as the replica can tell
		return fails + fate(s.world.rand.IntN(4)), s.values
	}
	return happens, s.values
}

func (s replicaStore) Load(ctx context.Context, key string) ([]byte, error) {
	fate, values := s.reach()
	switch fate {
	case fails, answerLost:
		return nil, errStore
	case hangs, comesLate:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	return bytes.Clone(values[key]), nil
}

func (s replicaStore) Swap(ctx context.Context, key string, old, new []byte, _ time.Duration) (bool, error) {
	fate, values := s.reach()
	switch fate {
	case fails:
		return false, errStore
	case hangs:
		<-ctx.Done()
		return false, ctx.Err()
	case comesLate:
		s.world.pause(latest)
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	swapped := bytes.Equal(values[key], old)
	if swapped {
		values[key] = new
	}
	if fate != happens {
		return false, errStore
	}
	return swapped, nil
}
