package provisionhook

import (
	"fmt"
	"sync"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// Registry is an ordered list of mutators, and of checks of what they do. The
// zero Registry is empty, has no checks and is ready to use. A nil *Registry
// can be used like an empty one, but for [Registry.Register], which panics. A
// Registry must not be copied after its first use.
//
// All methods are safe for concurrent use, also by mutators and checks while
// they run. Each call works on the mutators that were registered when it began.
//
// A mutator's name, what it wraps and its abilities are read once, when it is
// registered.
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

// NewRegistry returns an empty [Registry] that refuses what one of checks
// refuses. Nil checks are left out.
func NewRegistry(checks ...Check) *Registry {
	r := &Registry{}
	for _, check := range checks {
		if check != nil {
			r.checks = append(r.checks, registeredCheck{check, isMaxSize(check)})
		}
	}
	return r
}

// Register appends ms. Mutators run in the order of their registration. A nil
// mutator and one that holds a nil pointer, func, map, slice or channel are
// ignored. A mutator that is registered twice runs twice, and several may have
// one name, which [Registry.Describe] notes. To merge two registries, call
// reg.Register(other.Mutators()...).
//
// Register calls Name and Unwrap of each mutator on the caller's goroutine, and
// doesn't recover from their panics, so that a broken plugin shows at boot.
// After a panic none of ms is registered.
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

// Names returns the name of each mutator, in the order in which they run.
func (r *Registry) Names() []string {
	var names []string
	for _, e := range r.registered() {
		names = append(names, e.name)
	}
	return names
}

// Mutators returns a copy of the list of mutators, in the order in which they
// run.
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
