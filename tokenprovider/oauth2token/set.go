package oauth2token

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
)

// Set stores the tokens of a sign-in: what [oauth2.Config.Exchange] or a device
// flow returned. They replace those of an earlier sign-in, at this replica at
// once, and at others after 5 s at most. The result of an exchange that is
// running is discarded. Of several calls at the same time one wins as a whole.
//
// t needs a refresh token or an access token. Without a refresh token the
// access token is served until it expires, and then the person has to sign in
// again. An access token without an expiry is served for good; GitHub Apps
// issue such tokens if their expiry is switched off. An expired access token
// counts as none.
//
// The error is of [tokenprovider.CodeInvalidRequest] if t is nil, has neither
// token, or isn't a Bearer token, of CodeUnavailable if the store fails, or
// ctx's. If the store failed, t may be stored or not: call Set again with the
// same t at once, or let the person sign in again. Each call of the store gets
// 2 s.
func (p *Provider) Set(ctx context.Context, t *oauth2.Token) error {
	now := time.Now()
	chain, err := signedIn(t, now)
	if err != nil {
		return err
	}
	_, err = p.source.change(ctx, p.source.key, true, func(r *record) (*record, error) {
		if r != nil && r.Chain == chain.Chain {
			return r, nil // an answer was lost
		}
		same := *chain
		return &same, nil
	})
	p.source.refused.Store(nil)
	p.source.signs.Add(1)
	p.forget()
	if err != nil {
		return p.failed(ctx, "sign-in", err)
	}
	p.source.logger.Info("signed in", "key", p.source.key,
		"expires_at", chain.ExpiresAt, "refresh_token", chain.Refresh != "")
	return nil
}

// signedIn returns the record of a sign-in that brought t.
func signedIn(t *oauth2.Token, now time.Time) (*record, error) {
	refuse := func(err error) (*record, error) {
		return nil, errorf(tokenprovider.CodeInvalidRequest, "Set: the sign-in brought %w", err)
	}
	if t == nil {
		return refuse(errors.New("no token: it is nil"))
	}
	copied := *t
	if copied.Expiry.IsZero() && copied.ExpiresIn > 0 {
		copied.Expiry = now.Add(time.Duration(copied.ExpiresIn) * time.Second)
	}
	err := usable(&copied, now)
	switch {
	case !utf8.ValidString(t.RefreshToken):
		return refuse(errors.New("a refresh token that isn't UTF-8"))
	case t.Type() != "Bearer", err != nil && t.RefreshToken == "":
		return refuse(err)
	}
	return record{Chain: rand.Text()}.brought(&copied, now), nil
}

// Forget signs the person out: it removes the stored tokens. This replica stops
// serving the access token at once, and others after 5 s at most. The forge
// isn't told, so the tokens live until they expire or are revoked there. If
// nothing is stored, Forget does nothing. For errors see [Provider.Set].
func (p *Provider) Forget(ctx context.Context) error {
	_, err := p.source.change(ctx, p.source.key, true, func(*record) (*record, error) { return nil, nil })
	p.source.signs.Add(1)
	p.forget()
	if err != nil {
		return p.failed(ctx, "sign-out", err)
	}
	p.source.logger.Info("signed out", "key", p.source.key)
	return nil
}

// failed returns the error of a change that may have been made or not.
func (p *Provider) failed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("oauth2token: %q: the %s may be stored or not: %w", p.source.key, what, ctx.Err())
	}
	return errorf(tokenprovider.CodeUnavailable, "%q: the %s may be stored or not: %w", p.source.key, what, err)
}
