package provisionhook

import (
	"fmt"
	"sync"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// Registry is an ordered list of mutators and the policy for what they may do.
// The zero Registry is empty, ready, and has no policy. A nil *Registry can be
// used like an empty one everywhere but in [Registry.Register]. A Registry must
// not be copied after its first use.
//
// All methods are safe for concurrent use. No lock is held while a mutator or a
// [Check] runs, so that they may call the Registry; each call works on the
// mutators that were registered when it began.
//
// The name of a mutator, what it wraps and what it can do are read once, when
// it is registered. A Registry is meant to be filled at boot. There is no way
// to remove or replace a mutator: two plugins can't drop each other.
type Registry struct {
	checks []registeredCheck // set by NewRegistry only

	mu      sync.RWMutex
	entries []*entry // only ever appended to
}

// entry is a registered mutator with what was read of it at that time.
type entry struct {
	mutator     EnvMutator
	name        string
	description Description

	// What it can do, or a mutator that it wraps. Each is nil if neither
	// can.
	token          TokenProvider
	workspaceToken WorkspaceTokenProvider
	files          FileMutator
	releaser       Releaser
}

// NewRegistry returns an empty Registry whose mutators must satisfy all of
// checks. Nil checks are left out.
func NewRegistry(checks ...Check) *Registry {
	r := &Registry{}
	for _, check := range checks {
		if check != nil {
			r.checks = append(r.checks, registeredCheck{check, isMaxSize(check)})
		}
	}
	return r
}

// Register appends ms, in this order, which is the order they run in. A nil
// mutator and one that holds a nil pointer, func, map, slice or channel are
// ignored. Duplicates are kept, of a mutator as of a name; [Registry.Describe]
// reports them. To merge two registries, reg.Register(other.Mutators()...).
//
// Register calls Name and Unwrap of each mutator on the caller's goroutine, and
// guards neither: a plugin that can't be registered has to show at boot. A
// panic goes on to the caller, [runtime.Goexit] ends the caller's goroutine,
// and none of ms is registered then.
func (r *Registry) Register(ms ...EnvMutator) {
	entries := make([]*entry, 0, len(ms))
	for _, m := range ms {
		if !foreign.IsNil(m) {
			entries = append(entries, newEntry(m))
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, entries...)
}

func newEntry(m EnvMutator) *entry {
	layers := layers(m)
	e := &entry{mutator: m, name: m.Name()}
	e.description = describe(e.name, layers)
	e.token, _ = find[TokenProvider](layers)
	e.workspaceToken, _ = find[WorkspaceTokenProvider](layers)
	e.files, _ = find[FileMutator](layers)
	e.releaser, _ = find[Releaser](layers)
	return e
}

// registered returns the entries at this moment. The slice is shared: it is
// read only.
func (r *Registry) registered() []*entry {
	if r == nil {
		return nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.entries
}

// Len returns how many mutators are registered.
func (r *Registry) Len() int {
	return len(r.registered())
}

// Names returns the name of each mutator, in the order they run in.
func (r *Registry) Names() []string {
	var names []string
	for _, e := range r.registered() {
		names = append(names, e.name)
	}
	return names
}

// Mutators returns a copy of the list of mutators, in the order they run in.
func (r *Registry) Mutators() []EnvMutator {
	var mutators []EnvMutator
	for _, e := range r.registered() {
		mutators = append(mutators, e.mutator)
	}
	return mutators
}

// Format prints the names under every verb, and nothing of what the mutators
// hold.
func (r *Registry) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "provisionhook.Registry%q", r.Names())
}
