package oauth2token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
)

// TokenSource returns an [oauth2.TokenSource] of p's tokens, for clients that
// take one:
//
//	client := &http.Client{Transport: &oauth2.Transport{Source: oauth2token.TokenSource(p)}}
//
// Each call of Token asks p, which should be a [tokenprovider.Cache] or have
// one. Don't use it with [oauth2.NewClient] or [oauth2.ReuseTokenSource]: they
// would keep a token until 10 s before its expiry, even if it is revoked. A
// TokenSource has no ctx, so a call that p doesn't answer returns an error
// after 30 s.
//
// The errors are p's. The error is of [tokenprovider.CodeInternal] if p returns
// an empty or an expired token, and [tokenprovider.ErrNotConfigured] if p is
// nil. It is safe for concurrent use.
func TokenSource(p tokenprovider.TokenProvider) oauth2.TokenSource { return providerSource{p} }

// providerSource is a provider as x/oauth2 sees it.
type providerSource struct{ p tokenprovider.TokenProvider }

// sourcePatience bounds a call of a provider for somebody who set no bound.
const sourcePatience = 30 * time.Second

// Token returns p's token.
func (s providerSource) Token() (*oauth2.Token, error) {
	if foreign.IsNil(s.p) {
		return nil, errorf(tokenprovider.CodeNotConfigured, "the TokenSource has no provider")
	}
	ctx, cancel := context.WithTimeout(context.Background(), sourcePatience)
	defer cancel()
	t, err := foreign.Within(ctx, "the provider", func(ctx context.Context) (*oauth2.Token, error) {
		token, expiresAt, err := s.p.Token(ctx)
		return &oauth2.Token{AccessToken: token, TokenType: "Bearer", Expiry: expiresAt}, err
	})
	switch {
	case err != nil:
		return nil, defectless(err)
	case t.AccessToken == "":
		return nil, errorf(tokenprovider.CodeInternal, "the provider delivered an empty token")
	case wire.Expired(t.Expiry, time.Now()):
		return nil, errorf(tokenprovider.CodeInternal, "the provider delivered a token that has expired")
	}
	return t, nil
}

// String names the type alone: a source may hold a token.
func (s providerSource) String() string { return "oauth2token.TokenSource" }

// Format prints [providerSource.String] under every verb.
func (s providerSource) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// defectless returns err, or what may be told of a defect of foreign code.
func defectless(err error) error {
	if defect, ok := errors.AsType[*foreign.Defect](err); ok {
		return errorf(tokenprovider.CodeInternal, "%s", defect.Error())
	}
	if err == foreign.ErrNoAnswer {
		return errorf(tokenprovider.CodeUnavailable, "%w", err)
	}
	return err
}

func errorf(code tokenprovider.Code, format string, args ...any) *tokenprovider.Error {
	return &tokenprovider.Error{Code: code, Err: fmt.Errorf("oauth2token: "+format, args...)}
}
