package provisionhook

import "github.com/molecule-ai/provisionkit/internal/foreign"

// maxUnwrap bounds the walk through wrappers, so that a cycle of them ends.
const maxUnwrap = 64

// wrapper is a mutator that lets its caller see the one inside.
type wrapper interface{ Unwrap() EnvMutator }

// As returns the first mutator that is a T, of m and the mutators that it
// wraps, from the outside in. T is usually an optional interface, of this
// package or of another.
//
// A mutator that is nil, or holds a nil pointer, is no T. As follows the method
// Unwrap() EnvMutator and stops after 64 mutators, even if one wraps itself. It
// doesn't recover from a panic of Unwrap.
func As[T any](m EnvMutator) (T, bool) { return find[T](layers(m)) }

// layers returns m and the mutators that it wraps, from the outside in.
func layers(m EnvMutator) []EnvMutator {
	var layers []EnvMutator
	for len(layers) < maxUnwrap && !foreign.IsNil(m) {
		layers = append(layers, m)
		w, ok := m.(wrapper)
		if !ok {
			break
		}
		m = w.Unwrap()
	}
	return layers
}

// find returns the first of the layers that is a T.
func find[T any](layers []EnvMutator) (T, bool) {
	for _, layer := range layers {
		if t, ok := layer.(T); ok {
			return t, true
		}
	}
	var none T
	return none, false
}
