package tokenprovider

import (
	"context"
	"time"
)

type minTTLKey struct{}

// WithMinTTL returns ctx asking for a token that lives for at least d more. A
// [Cache] caps that at half of a token's life, so that it can't cause a mint
// per call, and a provider that can't meet it answers with what it has. A d of
// zero or less asks for nothing and withdraws what was asked for before.
func WithMinTTL(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, minTTLKey{}, max(d, 0))
}

// MinTTL returns the life that was asked for with [WithMinTTL]; 0 when none
// was.
func MinTTL(ctx context.Context) time.Duration {
	d, _ := ctx.Value(minTTLKey{}).(time.Duration)
	return d
}
