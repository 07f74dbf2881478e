package tokenprovidertest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Store is a [tokenprovider.Store] in memory, for tests in which replicas of a
// service share it. Make it with [NewStore]. Its methods are safe for
// concurrent use. In a testing/synctest bubble values expire by the bubble's
// clock.
type Store struct {
	mu     sync.Mutex
	values map[string]entry
}

// entry is a value until its time is over.
type entry struct {
	value   []byte
	expires time.Time // zero: never
}

func (e entry) lives() bool { return e.expires.IsZero() || time.Now().Before(e.expires) }

var _ tokenprovider.Store = (*Store)(nil)

// NewStore returns an empty Store.
func NewStore() *Store { return &Store{values: make(map[string]entry)} }

// Load implements [tokenprovider.Store].
func (s *Store) Load(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.values[key]
	if !e.lives() {
		return nil, nil
	}
	return bytes.Clone(e.value), nil
}

// Swap implements [tokenprovider.Store].
func (s *Store) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (
	bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var held []byte
	if e := s.values[key]; e.lives() {
		held = e.value
	}
	if !bytes.Equal(held, old) && !bytes.Equal(held, new) {
		return false, nil
	}
	if len(new) == 0 {
		delete(s.values, key)
		return true, nil
	}
	e := entry{value: bytes.Clone(new)}
	if ttl > 0 {
		e.expires = time.Now().Add(max(ttl, time.Millisecond))
	}
	s.values[key] = e
	return true, nil
}

// Format prints no value. Without it fmt would read the fields while others
// write them.
func (s *Store) Format(f fmt.State, _ rune) { fmt.Fprint(f, "tokenprovidertest.Store") }
