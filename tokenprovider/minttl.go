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

// WithMinTTL returns a copy of ctx that asks for a token with at least d left
// to live. A [Cache] caps d at half of a token's life, so that not every call
// needs a mint. A provider that can't meet d answers with what it has. With a d
// of zero or less the copy asks for nothing, whatever ctx asks for.
func WithMinTTL(ctx context.Context, d time.Duration) context.Context {
	return withMinLife(ctx, minLife{ttl: max(d, 0)})
}

// MinTTL returns the life that ctx asks for by [WithMinTTL]; 0 when it asks for
// none.
func MinTTL(ctx context.Context) time.Duration {
	return minLifeOf(ctx).ttl
}
