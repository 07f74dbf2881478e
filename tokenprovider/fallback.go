package tokenprovider

import (
	"context"
	"errors"
	"time"
)

// Fallback returns a provider that asks ps in order and moves on only at
// [ErrNotConfigured]: any other error is returned, so that a broken provider
// never leads to a broader token. Nil providers are left out. When none is
// configured the error is [ErrNotConfigured], with their errors joined.
//
// Invalidate is passed on to every provider. The status is that of the first
// provider that reports one and whose last error wasn't [CodeNotConfigured].
func Fallback(ps ...TokenProvider) TokenProvider {
	var f fallback
	for _, p := range ps {
		if p != nil {
			f = append(f, p)
		}
	}
	return f
}

type fallback []TokenProvider

var (
	_ Invalidator    = fallback(nil)
	_ StatusReporter = fallback(nil)
)

func (f fallback) Token(ctx context.Context) (string, time.Time, error) {
	var missing []error
	for _, p := range f {
		token, expiresAt, err := p.Token(ctx)
		if CodeOf(err) != CodeNotConfigured {
			return token, expiresAt, err
		}
		missing = append(missing, err)
	}
	if len(missing) == 0 {
		missing = append(missing, errors.New("tokenprovider: Fallback has no providers"))
	}
	return "", time.Time{}, &Error{Code: CodeNotConfigured, Err: errors.Join(missing...)}
}

// Invalidate returns true when one of the providers dropped the token.
func (f fallback) Invalidate(token string) bool {
	dropped := false
	for _, p := range f {
		if Invalidate(p, token) {
			dropped = true
		}
	}
	return dropped
}

// Status returns that of the first provider whose last try wasn't answered with
// [ErrNotConfigured].
func (f fallback) Status() Status {
	var found Status
	for _, p := range f {
		status, ok := StatusOf(p)
		if ok && status.LastErrorCode != CodeNotConfigured {
			return status
		}
		if ok {
			found = status
		}
	}
	return found
}
