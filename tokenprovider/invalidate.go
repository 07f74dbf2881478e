package tokenprovider

import (
	"context"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// Invalidator is a provider that can replace a token which a forge refused
// before its expiry.
//
// Invalidate concerns exactly that token. It returns true if the token is held
// and the report is believed: the token is then replaced as soon as another one
// can be had. It changes nothing and returns false for a token that isn't held,
// that was replaced already, or that is too young to be judged (see
// [CacheOptions].Settle). Invalidate is safe for concurrent use and doesn't
// fetch a new token.
type Invalidator interface {
	Invalidate(token string) bool
}

// Invalidate tells p, or the provider that p wraps, that token was refused. It
// returns whether p believes the report. It returns false when p is nil, when
// neither is an [Invalidator], and when p panics, ends its goroutine or gives
// no answer within 15 s.
func Invalidate(p TokenProvider, token string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), defaultMintTimeout)
	defer cancel()
	believed, _ := foreign.Within(ctx, "the provider", func(context.Context) (bool, error) {
		i, ok := as[Invalidator](p)
		return ok && i.Invalidate(token), nil
	})
	return believed
}
