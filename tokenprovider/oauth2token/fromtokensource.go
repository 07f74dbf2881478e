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

// FromTokenSource returns ts as a provider: of a forge that x/oauth2 has a
// source for, or a cloud. It keeps nothing; put a [tokenprovider.Cache] over
// it. A source of x/oauth2's own is a cache already, of
// [oauth2.ReuseTokenSource]'s kind, and so needs none; but it keeps a refresh
// token in memory alone, and so is no way to a refresh token that may be used
// once: that is [New].
//
// A TokenSource has no ctx. Token returns when ctx ends all the same; what ts
// then does is left behind. A zero Expiry is no known expiry.
//
// The error of an answer of the forge's ([oauth2.RetrieveError]) says what may
// be told of it: its status and its error code, and never its text, which holds
// the body. It is of [tokenprovider.CodeUnauthenticated] when the grant or the
// client was refused, of CodeRateLimited, CodeUnavailable or CodeInvalidRequest
// else. A token that is missing, expired, of another type than Bearer, or can't
// be sent in a header is of CodeInternal. Other errors are those of ts. With a
// nil ts each Token is [tokenprovider.ErrNotConfigured]. It is as safe for
// concurrent use as ts is, which all of x/oauth2's are.
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
