package tokenprovider

// maxUnwrap bounds the walk through wrappers, so that a cycle of them ends.
const maxUnwrap = 64

// as finds the first provider that is a T, from p inwards through
// Unwrap() TokenProvider.
func as[T any](p TokenProvider) (T, bool) { return asAny[T](p) }

// asAny is [as] for what needn't be a provider itself.
func asAny[T any](p any) (T, bool) {
	for range maxUnwrap {
		if t, ok := p.(T); ok {
			return t, true
		}
		w, ok := p.(interface{ Unwrap() TokenProvider })
		if !ok {
			break
		}
		p = w.Unwrap()
	}
	var none T
	return none, false
}
