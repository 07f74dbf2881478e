package ledger

import (
	"bytes"
	"context"
	"maps"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// memory is a Store in the memory of this process. It loses no answers, so no
// value is swapped in twice.
type memory struct {
	mu      sync.Mutex
	values  map[string]remembered
	sweepAt time.Time
}

type remembered struct {
	value []byte // never changed in place
	until time.Time
}

// sweepEvery is how long a value is kept at most when its time is over.
const sweepEvery = 15 * time.Minute

var _ tokenprovider.Store = (*memory)(nil)

func newMemory() *memory { return &memory{values: make(map[string]remembered)} }

func (m *memory) Load(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live(key), nil
}

func (m *memory) Swap(_ context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !bytes.Equal(m.live(key), old) {
		return false, nil
	}
	m.put(key, new, ttl)
	return true, nil
}

// keep puts a value at key, whatever is there. A ttl of zero or less is no value.
func (m *memory) keep(key string, value []byte, ttl time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, value, ttl)
}

// put needs m.mu.
func (m *memory) put(key string, value []byte, ttl time.Duration) {
	now := time.Now().Round(0)
	if now.After(m.sweepAt) {
		maps.DeleteFunc(m.values, func(_ string, r remembered) bool { return now.After(r.until) })
		m.sweepAt = now.Add(sweepEvery)
	}
	m.values[key] = remembered{value, now.Add(ttl)}
}

func (m *memory) live(key string) []byte {
	r, ok := m.values[key]
	if !ok || time.Now().After(r.until) {
		return nil
	}
	return r.value
}
