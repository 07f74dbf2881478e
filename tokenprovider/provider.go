package tokenprovider

import (
	"context"
	"time"
)

// TokenProvider hands out a live token. It is the one interface that every
// package of this module meets in.
//
// The interface is frozen and uses standard-library types only, so a plugin
// satisfies it without importing this package. An implementation keeps this
// contract, which package tokenprovidertest checks:
//
//   - Token is safe for concurrent use.
//   - With a nil error, token is non-empty and has not expired when Token
//     returns.
//   - A zero expiresAt means "no known expiry", never "expired".
//   - ctx bounds how long this caller waits; its end doesn't disturb the other
//     callers.
//   - An error never holds a token, a key or the body of a response.
//
// What else a provider can do is told by optional interfaces, each asserted in
// one function of this package: [Invalidator] by [Invalidate], [StatusReporter]
// by [StatusOf]. Both look through wrappers that have a method Unwrap()
// TokenProvider; a wrapper without one hides what it wraps on purpose.
type TokenProvider interface {
	Token(ctx context.Context) (token string, expiresAt time.Time, err error)
}

// Func adapts a function to [TokenProvider]. A nil Func answers with
// [CodeInternal].
type Func func(ctx context.Context) (token string, expiresAt time.Time, err error)

var _ TokenProvider = Func(nil)

// Token calls f.
func (f Func) Token(ctx context.Context) (string, time.Time, error) {
	if f == nil {
		return "", time.Time{}, errorf(CodeInternal, "Func is nil")
	}
	return f(ctx)
}
