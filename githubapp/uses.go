package githubapp

import (
	"maps"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// uses are the tokens that a WorkspaceMutator hands out, by who has them and of
// which installation: which states they are in, and what was reported as
// refused. It is counted as it changes, so that to ask for it costs the same for
// any number of workspaces. The zero uses are ready.
type uses struct {
	mu         sync.Mutex
	of         map[use]*inUse
	workspaces map[string][]*inUse // those in of that aren't shared
	tokens     map[uint64]use      // by shortHash
	states     map[tokenprovider.State]int
	sweepAt    time.Time

	counted         map[weak.Pointer[Installation]]counts // of those that are shared
	mints, failures uint64
	last            tokenprovider.Status // its error is that of the last failure
}

// use is who has a token, and of what: a policy may give a workspace several.
type use struct {
	workspace    string // "": all that share the installation's
	installation *Installation
}

// inUse is a token as it was handed out last.
type inUse struct {
	key     workspaceKey
	cache   *tokenprovider.Cache
	state   tokenprovider.State
	token   uint64 // its shortHash; 0: none
	refused string // SHA-256 of the one that is to be replaced; "": none
	at      time.Time
}

func installationUse(i *Installation) workspaceKey { return workspaceKey{installation: i} }

func (k workspaceKey) use() use { return use{k.workspace, k.installation} }

// note takes note of what a caller was handed, and returns the SHA-256 of the one
// that was refused and is replaced by it; "" is none.
func (u *uses) note(key workspaceKey, c *tokenprovider.Cache, token string, err error) (replaced string) {
	status := stateOf(c, err)
	var all tokenprovider.Status
	if key.workspace == "" {
		all = c.Status()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	u.sweep(now)
	name := key.use()
	n := u.of[name]
	if n == nil {
		if u.of == nil {
			u.of, u.workspaces = make(map[use]*inUse), make(map[string][]*inUse)
			u.tokens, u.states = make(map[uint64]use), make(map[tokenprovider.State]int)
			u.counted = make(map[weak.Pointer[Installation]]counts)
		}
		n = &inUse{}
		u.of[name] = n
		if name.workspace != "" {
			u.workspaces[name.workspace] = append(u.workspaces[name.workspace], n)
		}
	} else {
		u.states[n.state]--
	}
	if key.workspace == "" {
		shared := weak.Make(key.installation)
		u.mints += since(all.Mints, u.counted[shared].mints)
		u.failures += since(all.Failures, u.counted[shared].failures)
		u.counted[shared] = counts{all.Mints, all.Failures}
	}
	n.key, n.cache, n.state, n.at = key, c, status, now
	u.states[status]++
	if err != nil {
		u.last.LastError, u.last.LastErrorCode, u.last.LastErrorAt = err.Error(), tokenprovider.CodeOf(err), now.Round(0)
		return ""
	}
	if hash := shortHash(token); hash != n.token {
		delete(u.tokens, n.token)
		u.tokens[hash], n.token = name, hash
	}
	if n.refused != "" && n.refused != tokenprovider.TokenSHA256(token) {
		replaced, n.refused = n.refused, ""
	}
	return replaced
}

// stateOf returns the state of a token that a caller asked c for.
func stateOf(c *tokenprovider.Cache, err error) tokenprovider.State {
	if err != nil {
		return tokenprovider.StateFailing
	}
	return c.State()
}

// idleUse is how long a token that nobody asks for counts: it is dead by then.
const idleUse = tokenLife

// sweep lets go of what nobody asks for any more. u.mu is held.
func (u *uses) sweep(now time.Time) {
	if now.Before(u.sweepAt) {
		return
	}
	u.sweepAt = now.Add(idleUse / 4)
	for name, n := range u.of {
		if now.Sub(n.at) > idleUse {
			u.forget(name, n)
		}
	}
	maps.DeleteFunc(u.counted, func(i weak.Pointer[Installation], _ counts) bool { return i.Value() == nil })
}

func (u *uses) forget(name use, n *inUse) {
	u.states[n.state]--
	delete(u.tokens, n.token)
	delete(u.of, name)
	left := slices.DeleteFunc(u.workspaces[name.workspace], func(other *inUse) bool { return other == n })
	if u.workspaces[name.workspace] = left; len(left) == 0 {
		delete(u.workspaces, name.workspace)
	}
}

// end forgets a workspace that was released, and what it holds.
func (u *uses) end(workspace string) {
	u.mu.Lock()
	ended := slices.Clone(u.workspaces[workspace])
	for _, n := range ended {
		u.forget(n.key.use(), n)
	}
	u.mu.Unlock()
	for _, n := range ended {
		n.cache.Drop()
	}
}

// generation returns the last known one of a workspace, for when the Store can't
// be read; "" when none is.
func (u *uses) generation(workspace string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var last inUse
	for _, n := range u.workspaces[workspace] {
		if n.at.After(last.at) {
			last = *n
		}
	}
	return last.key.generation
}

// holder returns who was handed token last, and the cache that has it; nil when
// nobody was.
func (u *uses) holder(token string) (use, *tokenprovider.Cache) {
	u.mu.Lock()
	defer u.mu.Unlock()
	name, ok := u.tokens[shortHash(token)]
	if !ok {
		return use{}, nil
	}
	return name, u.of[name].cache
}

// refused notes that a report of the token with that SHA-256 was believed.
func (u *uses) refused(key workspaceKey, sum string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := u.of[key.use()]; n != nil && n.key == key {
		n.refused = sum
	}
}

// refusedOf returns the SHA-256 of the token that is to be replaced.
func (u *uses) refusedOf(key workspaceKey) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := u.of[key.use()]; n != nil && n.key == key {
		return n.refused
	}
	return ""
}

// caches returns those of the tokens in use for which which returns true.
func (u *uses) caches(which func(workspaceKey) bool) (caches []*tokenprovider.Cache) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for n := range maps.Values(u.of) {
		if which(n.key) {
			caches = append(caches, n.cache)
		}
	}
	return caches
}
