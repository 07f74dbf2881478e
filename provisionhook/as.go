package provisionhook

import (
	"iter"
	"reflect"
)

// maxUnwrap bounds the walk through wrappers, so that a cycle of them ends.
const maxUnwrap = 64

// wrapper is a mutator that lets its caller see the one inside.
type wrapper interface{ Unwrap() EnvMutator }

// As finds the first of m and the mutators that it wraps, from the outside in, that is a T. T is usually one of the
// optional interfaces, of this package or of anyone's: As is how they grow without changing [EnvMutator].
//
// A mutator that is nil, or a nil pointer, is no T. The walk follows Unwrap() EnvMutator through at most 64 wrappers,
// so one that wraps itself ends too.
func As[T any](m EnvMutator) (T, bool) {
	for layer := range layers(m) {
		if t, ok := layer.(T); ok {
			return t, true
		}
	}
	var none T
	return none, false
}

// layers is m and the mutators that it wraps, from the outside in.
func layers(m EnvMutator) iter.Seq[EnvMutator] {
	return func(yield func(EnvMutator) bool) {
		for range maxUnwrap {
			if isNil(m) || !yield(m) {
				return
			}
			w, ok := m.(wrapper)
			if !ok {
				return
			}
			m = w.Unwrap()
		}
	}
}

// find is the first of some layers that is a T.
func find[T any](layers []EnvMutator) T {
	for _, layer := range layers {
		if t, ok := layer.(T); ok {
			return t
		}
	}
	var none T
	return none
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
