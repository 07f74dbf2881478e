package tokenprovider

import (
	"context"
	"errors"
	"time"
)

// Static is a provider of one token without a known expiry, for development and for forges whose tokens don't expire.
// An empty token is [ErrNotConfigured] at each call.
func Static(token string) TokenProvider {
	return static{token: &token}
}

// static holds its token behind a pointer: fmt and log/slog print an address then, however deep it is nested.
type static struct{ token *string }

func (s static) Token(context.Context) (string, time.Time, error) {
	if *s.token == "" {
		return "", time.Time{}, &Error{Code: CodeNotConfigured, Err: errors.New("tokenprovider: Static holds an empty token")}
	}
	return *s.token, time.Time{}, nil
}

func (s static) String() string   { return "tokenprovider.Static([redacted])" }
func (s static) GoString() string { return s.String() }
