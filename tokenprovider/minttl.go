package tokenprovider

import (
	"context"
	"time"
)

type minTTLKey struct{}

// minLife is the life that is asked of a token.
type minLife struct {
	ttl  time.Duration
	wish bool // of a caller, for whom no token is minted that has half of its life
}

// of returns what is asked of a token with that life.
func (m minLife) of(life time.Duration) time.Duration {
	if m.wish {
		return min(m.ttl, maxMinTTL(life))
	}
	return m.ttl
}

func withMinLife(ctx context.Context, m minLife) context.Context {
	return context.WithValue(ctx, minTTLKey{}, m)
}

func minLifeOf(ctx context.Context) minLife {
	m, _ := ctx.Value(minTTLKey{}).(minLife)
	return m
}

// WithMinTTL returns ctx asking for a token that lives for at least d more. A
// [Cache] caps that at half of a token's life, so that it can't cause a mint
// per call, and a provider that can't meet it answers with what it has. A d of
// zero or less asks for nothing and withdraws what was asked for before.
func WithMinTTL(ctx context.Context, d time.Duration) context.Context {
	return withMinLife(ctx, minLife{ttl: max(d, 0)})
}

// MinTTL returns the life that was asked for with [WithMinTTL]; 0 when none
// was.
func MinTTL(ctx context.Context) time.Duration {
	return minLifeOf(ctx).ttl
}
