package provisionhook

import (
	"cmp"
	"slices"
)

// Kind says what a [Change] did to a variable or a file.
type Kind string

// The kinds of a [Change].
const (
	KindSet      Kind = "set"      // it wasn't there
	KindOverride Kind = "override" // it had another value
	KindDelete   Kind = "delete"   // it was there
)

// Change says what one mutator did to one variable. It never holds a value.
//
// Setting a variable to the value that it had is no change. However often a
// mutator changes a variable, it is one change.
type Change struct {
	Mutator string `json:"mutator"`
	Key     string `json:"key"` // the variable's name
	Kind    Kind   `json:"kind"`

	// Previous is the mutator that had set the variable; empty when the caller
	// had set it, or nobody.
	Previous string `json:"previous,omitempty"`
}

// edit is a change with its value, which is read from the mutator's map once.
type edit[V any] struct {
	Change
	value V
}

// diff returns what mutator did to turn before into after, in the order of the
// keys.
func diff[V any](
	mutator string, before, after map[string]V, same func(a, b V) bool, owners map[string]string,
) []edit[V] {
	var edits []edit[V]
	add := func(key string, kind Kind, value V) {
		change := Change{Mutator: mutator, Key: key, Kind: kind, Previous: owners[key]}
		edits = append(edits, edit[V]{change, value})
	}
	added := 0
	for key, value := range after {
		if old, ok := before[key]; !ok {
			added++
			add(key, KindSet, value)
		} else if !same(old, value) {
			add(key, KindOverride, value)
		}
	}
	if len(after)-added < len(before) {
		for key, value := range before {
			if _, ok := after[key]; !ok {
				add(key, KindDelete, value)
			}
		}
	}
	slices.SortFunc(edits, func(a, b edit[V]) int { return cmp.Compare(a.Key, b.Key) })
	return edits
}

// apply makes the edits in state, makes the mutator the owner of what it set,
// and returns the changes.
func apply[V any](edits []edit[V], state map[string]V, owners map[string]string) []Change {
	changes := make([]Change, 0, len(edits))
	for _, e := range edits {
		if e.Kind == KindDelete {
			delete(state, e.Key)
			delete(owners, e.Key)
		} else {
			state[e.Key] = e.value
			owners[e.Key] = e.Mutator
		}
		changes = append(changes, e.Change)
	}
	return changes
}
