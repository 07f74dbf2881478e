package tokenprovider

// Invalidator is a provider that can drop a token which a forge refused before
// its time.
//
// Invalidate drops exactly that token and reports whether it was held and is
// gone now. A token that isn't held, that was replaced already, or that is too
// young to be judged (see [CacheOptions].Settle) is left alone and the answer
// is false. Invalidate is safe for concurrent use and doesn't fetch a new
// token.
type Invalidator interface {
	Invalidate(token string) bool
}

// Invalidate tells p, or the provider that p wraps, that token was refused. It
// returns false when p can't be told, when p is nil, and when that exact token
// wasn't dropped.
func Invalidate(p TokenProvider, token string) bool {
	i, ok := as[Invalidator](p)
	return ok && i.Invalidate(token)
}
