package oauth2token

import (
	"bytes"
	"context"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
)

// simulatedStore is what the replicas of a world share. The world's lock guards
// it.
type simulatedStore struct {
	world    *world
	values   map[string][]byte
	stored   map[string]bool      // access tokens that were
	replaced map[string]time.Time // access tokens that aren't any more
	since    time.Time            // when what is stored became another
	errs     int                  // of ten calls, how many go wrong
	away     bool                 // all do
}

// livingSince returns since when the store has had a chain that lives; zero
// when it hasn't.
func (s *simulatedStore) livingSince() time.Time {
	r := s.world.open(s.values[simulatedKey])
	if r == nil || !s.world.forge.living(r.Refresh) {
		return time.Time{}
	}
	return s.since
}

func (s *simulatedStore) put(values map[string][]byte, value []byte) {
	before, after := s.world.open(values[simulatedKey]), s.world.open(value)
	values[simulatedKey] = value
	if value != nil && after == nil {
		s.world.say("a record was stored that can't be opened")
	}
	if before != nil && (after == nil || after.Access != before.Access) {
		s.replaced[before.Access] = time.Now()
	}
	if after != nil {
		s.stored[after.Access] = true
		delete(s.replaced, after.Access)
	}
	if before == nil || after == nil || before.Refresh != after.Refresh {
		s.since = time.Now()
	}
}

// lose loses all, for calls that are under way too.
func (s *simulatedStore) lose() {
	s.put(s.values, nil)
	s.values = map[string][]byte{}
}

// simulated is the store as a replica reaches it.
type simulated struct{ *replica }

// reach waits until a call gets to the store, and returns what becomes of it
// and what is in the store: that of a crashed replica's is nobody's.
func (s simulated) reach() (fate testutil.Fate, values map[string][]byte, dead bool) {
	w := s.world
	w.pause(50 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case s.crashed:
		return fate, s.ghost, true
	case w.store.away:
		return testutil.FateAway(w.rand), w.store.values, false
	case w.rand.IntN(10) < w.store.errs:
		w.trouble = true // as far as the replica can tell
		return testutil.FateBad(w.rand), w.store.values, false
	}
	return fate, w.store.values, false
}

func (s simulated) Load(ctx context.Context, key string) ([]byte, error) {
	fate, values, _ := s.reach()
	if err := fate.Load(ctx); err != nil {
		return nil, err
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	return s.shown(values[key], -s.ahead), nil
}

func (s simulated) Swap(ctx context.Context, key string, old, new []byte, _ time.Duration) (bool, error) {
	fate, values, dead := s.reach()
	if err := fate.Swap(ctx, func() { s.world.pause(5 * time.Second) }); err != nil {
		return false, err
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	swapped := bytes.Equal(values[key], s.shifted[string(old)])
	switch stored := s.shown(new, s.ahead); {
	case swapped && dead:
		values[key] = stored
	case swapped: // also when the replica has crashed since
		s.world.store.put(values, stored)
	}
	return fate.Told(swapped)
}

// shown returns a value with its times shifted: all replicas of a bubble have
// one clock, and to see what others store earlier is the same as to have a
// clock that is ahead.
func (s simulated) shown(value []byte, by time.Duration) []byte {
	if value == nil {
		return nil
	}
	shifted := value
	if by != 0 {
		r := *s.world.open(value)
		r.ExpiresAt = r.ExpiresAt.Add(by)
		shifted = s.world.settings.seal(simulatedKey, &r)
	}
	s.shifted[string(shifted)] = value
	return shifted
}
