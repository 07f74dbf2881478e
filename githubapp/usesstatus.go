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
