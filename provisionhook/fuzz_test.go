package provisionhook_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

// fuzzKeys are the variables that the mutators of the fuzz test know, in order;
// fuzzBase is what the caller has set.
var (
	fuzzKeys = []string{"A", "B", "C", "D"}
	fuzzBase = env{"A": "1", "D": ""}
)

// The steps of a mutator of the fuzz test. A byte is a step in its low 4 bits,
// and in its high 4 bits what that is for.
const (
	stepSet     = iota // variable arg%4 to the value arg/4
	stepSetToo         // the same, so that it comes up more often
	stepDelete         // variable arg%4
	stepInvalid        // a name that can't be
	stepKeep           // the map, for later
	stepWrite          // into the maps that were kept
	stepFail
	stepPanic
	stepCancel // the context, and go on
	stepNext   // the rest is the next mutator's; arg is how that one is made
	steps
)

// fuzzMutator is one mutator of a program.
type fuzzMutator struct {
	name     string
	failOpen bool
	steps    []byte
}

// fuzzChain reads a program: a chain, and whether it runs under NoOverride.
func fuzzChain(program []byte) (chain []fuzzMutator, strict bool) {
	if len(program) > 64 {
		program = program[:64]
	}
	if len(program) > 0 {
		strict, program = program[0]&1 == 1, program[1:]
	}
	m := fuzzMutator{name: "m0"}
	for _, b := range program {
		if step, arg := b&15%steps, b>>4; step == stepNext {
			chain = append(chain, m)
			m = fuzzMutator{name: fmt.Sprintf("m%d", arg%4), failOpen: arg&4 != 0}
		} else {
			m.steps = append(m.steps, step|arg<<4)
		}
	}
	return append(chain, m), strict
}

// mutator returns m as code: the real thing.
func (m fuzzMutator) mutator(kept *[]env, cancel func()) provisionhook.EnvMutator {
	f := provisionhook.Func(m.name, func(_ context.Context, _ string, e map[string]string) error {
		for _, b := range m.steps {
			key, value := fuzzKeys[b>>4%4], fmt.Sprint(b>>4/4)
			switch b & 15 {
			case stepSet, stepSetToo:
				e[key] = value
			case stepDelete:
				delete(e, key)
			case stepInvalid:
				e[key+"="] = value
			case stepKeep:
				*kept = append(*kept, e)
			case stepWrite:
				writeAll(*kept)
			case stepFail:
				return errBoom
			case stepPanic:
				panic(errBoom)
			case stepCancel:
				cancel()
			}
		}
		return nil
	})
	if m.failOpen {
		return provisionhook.FailOpen(f, nil)
	}
	return f
}

func writeAll(kept []env) {
	for _, e := range kept {
		e["A"], e["LATE="] = "late", "late"
		delete(e, "D")
	}
}

// fuzzWant returns what a chain must do, worked out on paper: over the few keys
// there are, without copies or comparisons of maps. failed is the mutator that
// the error names, "" if there is none.
func fuzzWant(chain []fuzzMutator, strict bool) (want env, changes []provisionhook.Change, failed string) {
	want = maps.Clone(fuzzBase)
	owner := map[string]string{}
	cancelled := false
	for _, m := range chain {
		if cancelled {
			return nil, nil, m.name
		}
		after, wrong, invalid, keeps := maps.Clone(want), false, false, false
	program:
		for _, b := range m.steps {
			key, value := fuzzKeys[b>>4%4], fmt.Sprint(b>>4/4)
			switch b & 15 {
			case stepSet, stepSetToo:
				after[key] = value
			case stepDelete:
				delete(after, key)
			case stepInvalid:
				invalid = true
			case stepKeep:
				keeps = true
			case stepWrite:
				if keeps { // its own map, which it may still write
					after["A"], invalid = "late", true
					delete(after, "D")
				}
			case stepFail, stepPanic:
				wrong = true
				break program
			case stepCancel:
				cancelled = true
			}
		}
		switch {
		case wrong && m.failOpen && !cancelled:
			continue
		case wrong || invalid:
			return nil, nil, m.name
		}
		for _, key := range fuzzKeys {
			old, was := want[key]
			value, is := after[key]
			c := provisionhook.Change{Mutator: m.name, Key: key, Previous: owner[key]}
			switch {
			case is && !was:
				c.Kind = provisionhook.KindSet
			case is && old != value:
				c.Kind = provisionhook.KindOverride
			case was && !is:
				c.Kind = provisionhook.KindDelete
			default:
				continue
			}
			if strict && c.Previous != "" && c.Previous != m.name {
				return nil, nil, m.name
			}
			changes = append(changes, c)
			if owner[key] = m.name; !is {
				delete(owner, key)
			}
		}
		want = after
	}
	return want, changes, ""
}

// FuzzAnyChainIsATransactionWithProvenance runs random chains of mutators that
// set, delete, fail, panic, cancel and keep their maps, plain and under
// FailOpen, with and without a policy.
func FuzzAnyChainIsATransactionWithProvenance(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, stepSet | 1<<4, stepNext | 1<<4, stepSet | 5<<4, stepDelete})
	f.Add([]byte{1, stepSet | 1<<4, stepNext | 1<<4, stepDelete | 1<<4})
	f.Add([]byte{0, stepSet, stepKeep, stepNext | 5<<4, stepWrite, stepFail, stepNext | 2<<4,
		stepWrite, stepSet | 2<<4})
	f.Add([]byte{0, stepDelete, stepNext | 1<<4, stepSet | 4<<4, stepCancel, stepNext | 2<<4, stepSet})
	f.Add([]byte{0, stepSet, stepNext | 4<<4, stepCancel, stepPanic})
	f.Add([]byte{0, stepSet | 2<<4, stepNext, stepInvalid})
	f.Add([]byte{0, stepKeep, stepWrite})

	f.Fuzz(func(t *testing.T, program []byte) {
		chain, strict := fuzzChain(program)
		want, changes, failed := fuzzWant(chain, strict)

		for _, run := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var checks []provisionhook.Check
			if strict {
				checks = append(checks, provisionhook.NoOverride())
			}
			reg := provisionhook.NewRegistry(checks...)
			var kept []env
			for _, m := range chain {
				reg.Register(m.mutator(&kept, cancel))
			}

			callers := maps.Clone(fuzzBase)
			var plan *provisionhook.Plan
			var err error
			if run {
				err = reg.Run(ctx, "ws", callers)
			} else {
				plan, err = reg.Plan(ctx, "ws", callers)
			}
			writeAll(kept)

			if failed != "" {
				wrong, ok := errors.AsType[*provisionhook.MutatorError](err)
				require.True(t, ok, "want an error of %s, got %v", failed, err)
				require.Equal(t, failed, wrong.Mutator)
				require.Nil(t, plan)
				require.Equal(t, fuzzBase, callers)
				continue
			}
			require.NoError(t, err)
			if run {
				require.Equal(t, want, callers)
				continue
			}
			require.Equal(t, fuzzBase, callers)
			require.Equal(t, want, plan.Env)
			require.Equal(t, changes, plan.Changes)
		}
	})
}
