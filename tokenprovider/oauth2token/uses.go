package oauth2token

import (
	"hash/maphash"
	"sync"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// uses are the providers of a [Users], and what their callers were given last.
// It is counted as it changes, so that a Status costs the same for any number
// of people. The zero uses are ready.
type uses struct {
	mu      sync.Mutex
	of      map[string]*use
	tokens  map[uint64]string // by hash: the owner who was handed it
	states  map[tokenprovider.State]int
	sweepAt time.Time

	mints, failures uint64
	last            tokenprovider.Status // its error is that of the last failure
}

// use is a person's provider: held strongly while it is in use, weakly when it
// is idle.
type use struct {
	inUse           *Provider
	idle            weak.Pointer[Provider]
	state           tokenprovider.State // as a caller saw it last; "": none did
	token           uint64              // hash of what was handed out last; 0: nothing
	mints, failures uint64              // of the provider, that are counted already
}

// idleUse is how long a person's token counts, and its provider is kept, after
// somebody asked for it last.
const idleUse = time.Hour

var seed = maphash.MakeSeed()

func (n *use) provider() *Provider {
	if n.inUse != nil {
		return n.inUse
	}
	return n.idle.Value()
}

// provider returns the owner's provider, which newOne makes if there is none.
func (u *uses) provider(owner string, newOne func() *Provider) *Provider {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sweep(time.Now())
	n := u.of[owner]
	if n == nil {
		if u.of == nil {
			u.of, u.tokens = make(map[string]*use), make(map[uint64]string)
			u.states = make(map[tokenprovider.State]int)
		}
		n = &use{}
		u.of[owner] = n
	}
	p := n.provider()
	if p == nil {
		p = newOne()
		n.mints, n.failures = 0, 0
	}
	n.inUse = p
	return p
}

// note takes note of what a caller of p was given.
func (u *uses) note(owner string, p *Provider, token string, err error) {
	status := p.cache.Status()
	if err != nil {
		status.State = tokenprovider.StateFailing
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.of[owner]
	if n == nil || n.provider() != p { // idle for so long that it was let go meanwhile
		return
	}
	n.inUse = p
	u.count(n, status)
	u.move(n, status.State)
	if err != nil {
		u.last.LastError, u.last.LastErrorCode = err.Error(), tokenprovider.CodeOf(err)
		u.last.LastErrorAt = time.Now().Round(0)
		return
	}
	if hash := maphash.String(seed, token); hash != n.token {
		delete(u.tokens, n.token)
		u.tokens[hash], n.token = owner, hash
	}
}

// count adds what n's provider counted since.
func (u *uses) count(n *use, s tokenprovider.Status) {
	u.mints += s.Mints - min(n.mints, s.Mints)
	u.failures += s.Failures - min(n.failures, s.Failures)
	n.mints, n.failures = max(n.mints, s.Mints), max(n.failures, s.Failures)
}

// move counts n in another state; "" is none.
func (u *uses) move(n *use, state tokenprovider.State) {
	if n.state != "" {
		u.states[n.state]--
	}
	if n.state = state; state != "" {
		u.states[state]++
	}
}

// sweep lets go of who is idle. u.mu is held.
func (u *uses) sweep(now time.Time) {
	if now.Before(u.sweepAt) {
		return
	}
	u.sweepAt = now.Add(idleUse / 4)
	for owner, n := range u.of {
		p := n.provider()
		if p == nil {
			delete(u.of, owner)
			continue
		}
		u.count(n, p.cache.Status())
		since := now.UnixNano() - p.usedAt.Load()
		if time.Duration(since) < idleUse || p.source.unsaved.Load() != nil {
			continue
		}
		u.move(n, "")
		delete(u.tokens, n.token)
		n.inUse, n.idle, n.token = nil, weak.Make(p), 0
	}
}

// holder returns the provider whose caller was handed token last; nil when
// nobody's was.
func (u *uses) holder(token string) *Provider {
	u.mu.Lock()
	defer u.mu.Unlock()
	owner, ok := u.tokens[maphash.String(seed, token)]
	if !ok {
		return nil
	}
	return u.of[owner].provider()
}

// status returns the worst state, how many fail of how many, and all counts.
func (u *uses) status() tokenprovider.Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sweep(time.Now())
	var s tokenprovider.Status
	if failing := u.states[tokenprovider.StateFailing]; failing > 0 {
		s = u.last
		s.Failing = failing
	}
	s.State, s.Mints, s.Failures = tokenprovider.StateEmpty, u.mints, u.failures
	for state, n := range u.states {
		if n > 0 {
			s.State, s.Of = tokenprovider.Worst(s.State, state), s.Of+n
		}
	}
	return s
}
