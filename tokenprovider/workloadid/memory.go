package workloadid

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	memoryAge   = 5 * time.Second // of an answer, from the question on
	maxRemember = 8192            // answers, at about 100 bytes each
)

// memory has the API server's last answers, by the digests of the tokens. Its zero
// value is empty.
type memory struct {
	mu      sync.Mutex
	answers map[[sha256.Size]byte]remembered
}

type remembered struct {
	err   error // nil: accepted
	until time.Time
}

func (m *memory) find(digest [sha256.Size]byte) (err error, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, known := m.answers[digest]
	if !known || time.Now().After(a.until) {
		return nil, false
	}
	return a.err, true
}

// add remembers an answer. When there are too many all are forgotten: each costs
// one more question then.
func (m *memory) add(digest [sha256.Size]byte, err error, asked time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil || len(m.answers) >= maxRemember {
		m.answers = map[[sha256.Size]byte]remembered{}
	}
	m.answers[digest] = remembered{err, asked.Add(memoryAge)}
}
