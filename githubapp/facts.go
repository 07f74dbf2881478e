package githubapp

import (
	"maps"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// facts are what is known of the installations, for all who want tokens of them:
// what GitHub refuses, and since when a token is dead. The zero facts are ready.
type facts struct {
	mu      sync.Mutex
	known   map[int64]*known
	sweepAt int // how many there are when old ones go
}

// known is what is known of one installation. What isn't in it is well.
type known struct {
	refused map[string]*refusal // by what it is about, see about
	sweepAt int                 // how many there are when old ones go
	deadAt  time.Time           // what was minted before is dead
}

// about returns what a refusal of a mint is about: the installation, the
// permissions that are asked for, and the whole scope.
func about(s Scope) (installation, permissions, scope string) {
	return "", "permissions " + permissionsKey(s.Permissions), "scope " + s.key()
}

// check returns the error that GitHub gave when a token of that installation and
// scope was asked for, while it is held.
func (f *facts) check(id int64, s Scope) error {
	f.mu.Lock()
	k := f.known[id]
	if k == nil || len(k.refused) == 0 {
		f.mu.Unlock()
		return nil
	}
	installation, permissions, scope := about(s)
	held := [3]*refusal{k.refused[installation], k.refused[permissions], k.refused[scope]}
	f.mu.Unlock()
	for _, r := range held {
		if err := r.check(); err != nil {
			return err
		}
	}
	return nil
}

// wrongScope reports whether GitHub refused that scope the last time, for what
// it names, held still or not.
func (f *facts) wrongScope(id int64, s Scope) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.known[id]
	if k == nil {
		return false
	}
	_, _, scope := about(s)
	r := k.refused[scope]
	return r != nil && r.known()
}

// hold holds what GitHub refused, by what it is about.
func (f *facts) hold(id int64, about string, err error) {
	f.mu.Lock()
	k := f.of(id)
	r := k.refused[about]
	if r == nil {
		r = &refusal{}
		if len(k.refused) >= k.sweepAt {
			k.sweep()
		}
		k.refused[about] = r
	}
	f.mu.Unlock()
	r.hold(err)
}

// clear ends what is held of an installation: of that scope after a mint of it,
// of all after a webhook.
func (f *facts) clear(id int64, scopes ...Scope) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.known[id]
	if k == nil {
		return
	}
	if len(scopes) == 0 {
		k.refused = nil
	}
	for _, s := range scopes {
		installation, permissions, scope := about(s)
		delete(k.refused, installation)
		delete(k.refused, permissions)
		delete(k.refused, scope)
	}
}

// died notes that what was minted before now is dead.
func (f *facts) died(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of(id).deadAt = time.Now().Round(0)
}

// deadAt returns since when what was minted before is dead; zero: it isn't.
func (f *facts) deadAt(id int64) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if k := f.known[id]; k != nil {
		return k.deadAt
	}
	return time.Time{}
}

// of returns what is known of an installation, to be added to. f.mu is held.
func (f *facts) of(id int64) *known {
	if k := f.known[id]; k != nil {
		return k
	}
	if len(f.known) >= f.sweepAt {
		f.sweepAt = sweep(f.known, (*known).old)
	}
	if f.known == nil {
		f.known = make(map[int64]*known)
	}
	k := &known{}
	f.known[id] = k
	return k
}

// old reports whether nothing is lost with k.
func (k *known) old() bool {
	k.sweep()
	return len(k.refused) == 0 && time.Since(k.deadAt) > tokenLife
}

// sweep lets go of refusals that are long over.
func (k *known) sweep() {
	if k.refused == nil {
		k.refused = make(map[string]*refusal)
	}
	k.sweepAt = sweep(k.refused, (*refusal).old)
}

// sweep lets go of what is old in a map, and returns at how many entries it is
// due again: what it costs is a share of what it costs to fill the map.
func sweep[K comparable, V any](m map[K]V, old func(V) bool) (again int) {
	maps.DeleteFunc(m, func(_ K, v V) bool { return old(v) })
	return max(2*len(m), 64)
}

// holds returns what is held back, and until when.
func (f *facts) holds() (holds []tokenprovider.Hold) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, k := range f.known {
		for _, r := range k.refused {
			if until, err := r.held(); err != nil {
				holds = append(holds, tokenprovider.Hold{Subject: subject(id), Code: tokenprovider.CodeOf(err), Until: until})
			}
		}
	}
	return holds
}
