package oauth2token

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
)

// FromTokenSource returns a provider of ts's tokens. It doesn't cache: put a
// [tokenprovider.Cache] over it, unless ts is a cache itself, as the sources of
// x/oauth2 are. Those keep refresh tokens in memory alone: for refresh tokens
// that may be used once, use [New].
//
// The provider's Token returns when its ctx ends, although ts, which gets no
// ctx, may go on. A zero Expiry means no known expiry. The provider is as safe
// for concurrent use as ts is.
//
// An [oauth2.RetrieveError] becomes an error with the answer's status and error
// code, but without its body. It is of [tokenprovider.CodeUnauthenticated] if
// the grant or the client was refused, and otherwise of CodeRateLimited,
// CodeUnavailable or CodeInvalidRequest. The error is of CodeInternal if ts
// returns no token, or one that is expired, isn't a Bearer token, or can't be
// sent in a header. Other errors of ts are returned as they are. With a nil ts
// each call returns [tokenprovider.ErrNotConfigured].
func FromTokenSource(ts oauth2.TokenSource) tokenprovider.TokenProvider { return sourceProvider{ts} }

// sourceProvider is a source of x/oauth2's as this module sees it.
type sourceProvider struct{ ts oauth2.TokenSource }

// Token returns ts' token.
func (p sourceProvider) Token(ctx context.Context) (string, time.Time, error) {
	if foreign.IsNil(p.ts) {
		return "", time.Time{}, errorf(tokenprovider.CodeNotConfigured, "FromTokenSource was given no TokenSource")
	}
	if err := ctx.Err(); err != nil {
		return "", time.Time{}, fmt.Errorf("oauth2token: waiting for a token: %w", err)
	}
	t, err := foreign.Within(ctx, "the token source", func(context.Context) (*oauth2.Token, error) {
		return p.ts.Token()
	})
	if err == foreign.ErrNoAnswer {
		return "", time.Time{}, fmt.Errorf("oauth2token: waiting for a token: %w", ctx.Err())
	}
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		_, refused := judge(answer, time.Now())
		return "", time.Time{}, refused
	}
	if err != nil {
		return "", time.Time{}, defectless(err)
	}
	if err := usable(t, time.Now()); err != nil {
		return "", time.Time{}, errorf(tokenprovider.CodeInternal, "the token source delivered %w", err)
	}
	return t.AccessToken, t.Expiry.Round(0), nil
}

// String names the type alone: a source may hold a token.
func (p sourceProvider) String() string { return "oauth2token.FromTokenSource" }

// Format prints [sourceProvider.String] under every verb.
func (p sourceProvider) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.String()) }

// tokenType is what a token's type looks like that may be told.
var tokenType = regexp.MustCompile(`^[A-Za-z_]{1,12}$`)

// usable returns why t's access token can't be served at now. The error is the
// rest of a sentence.
func usable(t *oauth2.Token, now time.Time) error {
	switch {
	case t == nil || t.AccessToken == "":
		return errors.New("no access token")
	case t.Type() != "Bearer":
		if !tokenType.MatchString(t.TokenType) {
			return errors.New("a token of another type than Bearer")
		}
		return fmt.Errorf("a token of type %q, and not a Bearer one", t.TokenType)
	case !wire.IsToken(t.AccessToken):
		return errors.New("an access token that can't be sent in a header")
	case wire.Expired(t.Expiry, now):
		return fmt.Errorf("an access token that expired at %s", t.Expiry.UTC().Format(time.RFC3339))
	}
	return nil
}
