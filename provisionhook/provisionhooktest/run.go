package provisionhooktest

import (
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
)

// Run tests mutators that newMutator makes, with one subtest for each rule of
// the contract. It also tests the rules of the optional interfaces that the
// mutator, or one that it wraps, implements.
//
// newMutator is called for each subtest, with that subtest's t for its
// clean-up. Its mutators must be able to do their work for a workspace with any
// id; for a service that they need, use a fake on loopback. Run calls
// MutateEnv, and the optional methods, some dozens of times.
func Run(t *testing.T, newMutator func(*testing.T) provisionhook.EnvMutator) {
	t.Helper()
	probe := newMutator(t)
	var reg *provisionhook.Registry
	if err := call(func() error { reg = registry(probe); return nil }); err != nil {
		t.Fatalf("provisionhooktest: a Registry can't register what newMutator returned: %v", err)
	}
	if reg.Len() == 0 {
		t.Fatal("provisionhooktest: newMutator returned nil, or a nil pointer: a Registry ignores it")
	}
	for _, r := range rules {
		if r.applies != nil && !r.applies(probe) {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			k := &kit{T: t, rule: r.rule, mutator: newMutator(t)}
			r.test(k)
		})
	}
}

// rule is a sentence of the contract and how to test it.
type rule struct {
	name    string // of the subtest
	rule    string // quoted by a failure
	applies func(provisionhook.EnvMutator) bool
	test    func(*kit)
}

var rules = append(mutatorRules, abilityRules...)

// registry returns a Registry of one mutator.
func registry(m provisionhook.EnvMutator) *provisionhook.Registry {
	reg := &provisionhook.Registry{}
	reg.Register(m)
	return reg
}
