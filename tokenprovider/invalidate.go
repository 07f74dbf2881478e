package tokenprovider

import (
	"context"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// Invalidator is a provider that can replace a token which a forge refused before
// its time.
//
// Invalidate concerns exactly that token and reports whether it is held and the
// report is believed: it is replaced then, as soon as another one can be had. A
// token that isn't held, that was replaced already, or that is too young to be
// judged (see [CacheOptions].Settle) is left alone and the answer is false.
// Invalidate is safe for concurrent use and doesn't fetch a new token.
type Invalidator interface {
	Invalidate(token string) bool
}

// Invalidate tells p, or the provider that p wraps, that token was refused. It
// returns false when p can't be told, when p is nil, and when the report isn't
// believed. A p that panics, ends its goroutine or has no answer within
// 15 s counts as one that can't be told.
func Invalidate(p TokenProvider, token string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), defaultMintTimeout)
	defer cancel()
	believed, err := foreign.Within(ctx, "the provider", func(context.Context) (bool, error) {
		i, ok := as[Invalidator](p)
		return ok && i.Invalidate(token), nil
	})
	return err == nil && believed
}
