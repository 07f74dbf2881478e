package githubapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// minter is an Installation as its cache sees it: a provider whose every call is a mint.
type minter Installation

var _ tokenprovider.TokenProvider = (*minter)(nil)

// Token mints a token: POST /app/installations/{id}/access_tokens.
func (m *minter) Token(ctx context.Context) (string, time.Time, error) {
	i := (*Installation)(m)
	token, expiresAt, err := i.mint(ctx)
	if err != nil {
		if dead(err) {
			i.app.forget(ctx, i.id, anyScope)
			i.app.found.forget(i.id, "")
		}
		return "", time.Time{}, i.explain(err)
	}
	if i.app.log.Enabled(ctx, slog.LevelInfo) {
		i.app.log.Info("installation token minted", "app", i.app.name, "installation", i.id, "scope", i.asked.scope.String(),
			"expires_at", expiresAt, "token_sha256", tokenprovider.TokenSHA256(token))
	}
	return token, expiresAt, nil
}

func (i *Installation) mint(ctx context.Context) (string, time.Time, error) {
	a := i.app
	body, err := i.asked.scope.body()
	if err != nil {
		return "", time.Time{}, internal(err)
	}
	select {
	case a.mints <- struct{}{}:
		defer func() { <-a.mints }()
	case <-ctx.Done():
		return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeUnavailable,
			Err: fmt.Errorf("waiting for one of %d places to mint: %w", cap(a.mints), ctx.Err())}
	}
	ctx, cancel := context.WithTimeout(ctx, a.mintTimeout)
	defer cancel()
	got, err := a.send(ctx, request{
		method: http.MethodPost,
		path:   fmt.Sprintf("/app/installations/%d/access_tokens", i.id),
		body:   body,
		want:   http.StatusCreated,
		limit:  maxMint,
	})
	if err != nil {
		return "", time.Time{}, err
	}
	answer, expiresAt, err := parseMinted(got.body)
	if err == nil {
		err = answer.verify(i.asked.scope)
	}
	if err == nil && !expiresAt.After(a.clock.now()) {
		err = fmt.Errorf("the token expired at %s, before it came", expiresAt.Format(time.RFC3339))
	}
	if err != nil {
		return "", time.Time{}, internal(err)
	}
	i.granted.Store(answer.grant(i.asked.scope))
	return answer.Token, a.clock.local(expiresAt), nil
}

// dead reports whether err says that every token of the installation is dead, so that a live-looking one that is held
// must not be served on. A page of some gateway's doesn't say so, nor does an app that GitHub doesn't know.
func dead(err error) bool {
	refusal, ok := errors.AsType[*APIError](err)
	return ok && (refusal.Status == http.StatusForbidden && refusal.says(suspended) ||
		refusal.Status == http.StatusNotFound && refusal.Message == "Not Found" ||
		refusal.Status == http.StatusGone && refusal.Message != "")
}

func internal(err error) error {
	return &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: err}
}

// explain adds to err what was asked for. A code and a hint when to try again stay.
func (i *Installation) explain(err error) error {
	explained, cause := &tokenprovider.Error{Code: tokenprovider.CodeOf(err)}, err
	if e, ok := errors.AsType[*tokenprovider.Error](err); ok {
		explained.RetryAfter = e.RetryAfter
		if e == err && e.Err != nil {
			cause = e.Err // its text would tell the hint a second time
		}
	}
	explained.Err = fmt.Errorf("githubapp: mint a token of installation %d (%s): %w", i.id, i.asked.scope, cause)
	return explained
}
