package githubapp

import (
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// status returns the worst state, how many fail of how many, and all counts.
func (u *uses) status() tokenprovider.Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sweep(time.Now())
	failing := u.states[tokenprovider.StateFailing]
	var s tokenprovider.Status
	if failing > 0 {
		s = u.last
	}
	s.Failing = failing
	s.State, s.Mints, s.Failures, s.Of = tokenprovider.StateEmpty, u.mints, u.failures, len(u.of)
	for state, n := range u.states {
		if n > 0 {
			s.State = tokenprovider.Worst(s.State, state)
		}
	}
	return s
}

// counts are those of a shared token's cache that are in the counts of all. They
// are kept for as long as the cache may live, which others can hold.
type counts struct{ mints, failures uint64 }

// since returns what a cache counted since it had counted before, which may have
// been another cache.
func since(count, before uint64) uint64 {
	if count < before {
		return count
	}
	return count - before
}

// minted counts a mint, or one that failed.
func (u *uses) minted(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil {
		u.mints++
	} else if tokenprovider.CodeOf(err) != tokenprovider.CodeRateLimited { // it tries again
		u.failures++
	}
}
