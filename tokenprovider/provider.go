package tokenprovider

import (
	"context"
	"time"
)

// TokenProvider hands out a live token. All packages of this module work with
// this one interface.
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
// Further abilities of a provider are optional interfaces, each with a function
// of this package that finds it: [Invalidator] with [Invalidate],
// [StatusReporter] with [StatusOf], and [UsageReporter] with [UsageOf]. The
// functions look through wrappers that have a method Unwrap() TokenProvider. A
// wrapper without one hides what it wraps.
type TokenProvider interface {
	Token(ctx context.Context) (token string, expiresAt time.Time, err error)
}

// Func adapts a function to [TokenProvider]. A nil Func returns an error of
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
