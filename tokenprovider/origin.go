package tokenprovider

import (
	"context"
	"crypto/subtle"
	"sync/atomic"
	"time"
)

// origin is where a [Cache] hears, through the ctx of a call, what the [Shared] below it knows of the token that comes
// back: one from the store is older than the call.
type origin struct{ stored atomic.Pointer[storedToken] }

type originKey struct{}

func withOrigin(ctx context.Context) (context.Context, *origin) {
	o := &origin{}
	return context.WithValue(ctx, originKey{}, o), o
}

// noteOrigin tells the Cache above, if there is one, that t is delivered.
func noteOrigin(ctx context.Context, t *storedToken) {
	if o, ok := ctx.Value(originKey{}).(*origin); ok {
		o.stored.Store(t)
	}
}

// mintedAt is since when there is token, which was received at that time.
func (o *origin) mintedAt(token string, received time.Time) time.Time {
	stored := o.stored.Load()
	if stored == nil || subtle.ConstantTimeCompare([]byte(stored.Token), []byte(token)) != 1 || stored.MintedAt.After(received) {
		return received
	}
	return stored.MintedAt
}
