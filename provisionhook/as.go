package provisionhook

import "reflect"

// maxUnwrap bounds the walk through wrappers, so that a cycle of them ends.
const maxUnwrap = 64

// wrapper is a mutator that lets its caller see the one inside.
type wrapper interface{ Unwrap() EnvMutator }

// As finds the first of m and the mutators that it wraps, from the outside in, that is a T. T is usually one of the
// optional interfaces, of this package or of anyone's: As is how they grow without changing [EnvMutator].
//
// A mutator that is nil, or a nil pointer, is no T. The walk follows Unwrap() EnvMutator and ends after 64 mutators,
// also when one wraps itself.
func As[T any](m EnvMutator) (T, bool) { return find[T](layers(m)) }

// layers is m and the mutators that it wraps, from the outside in.
func layers(m EnvMutator) []EnvMutator {
	var layers []EnvMutator
	for len(layers) < maxUnwrap && !isNil(m) {
		layers = append(layers, m)
		w, ok := m.(wrapper)
		if !ok {
			break
		}
		m = w.Unwrap()
	}
	return layers
}

// find is the first of some layers that is a T.
func find[T any](layers []EnvMutator) (T, bool) {
	for _, layer := range layers {
		if t, ok := layer.(T); ok {
			return t, true
		}
	}
	var none T
	return none, false
}

// isNil reports whether m is nil or holds a nil: of a pointer, most often, which panics only when it is called.
func isNil(m EnvMutator) bool {
	if m == nil {
		return true
	}
	switch v := reflect.ValueOf(m); v.Kind() {
	case reflect.Chan, reflect.Func, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return v.IsNil()
	default:
		return false
	}
}
