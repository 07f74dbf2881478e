package tokenprovider

import (
	"context"
	"os"
	"strings"
	"time"
)

// Env returns a provider that reads, at each call, the first of the named
// environment variables of this process that isn't empty. The token has no
// known expiry. When none of them is set, the error is [ErrNotConfigured].
func Env(names ...string) TokenProvider {
	return env(append([]string(nil), names...))
}

type env []string

func (e env) Token(context.Context) (string, time.Time, error) {
	for _, name := range e {
		if token := os.Getenv(name); token != "" {
			return token, time.Time{}, nil
		}
	}
	return "", time.Time{}, errorf(CodeNotConfigured,
		"none of the environment variables %s is set", strings.Join(e, ", "))
}
