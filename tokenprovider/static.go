package tokenprovider

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
)

// Static returns a provider of one token without a known expiry, for
// development and for forges whose tokens don't expire. With an empty token
// each call returns [ErrNotConfigured].
func Static(token string) TokenProvider {
	return static{secret.New(token)}
}

type static struct{ token secret.Of[string] }

func (s static) Token(context.Context) (string, time.Time, error) {
	token := s.token.Reveal()
	if token == "" {
		return "", time.Time{}, errorf(CodeNotConfigured, "Static holds an empty token")
	}
	return token, time.Time{}, nil
}

// Format says under every verb that this is a Static.
func (static) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "tokenprovider.Static("+secret.Redacted+")")
}
