package githubapp

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// minter is an Installation as its cache sees it: a provider whose every call
// is a mint.
type minter Installation

var _ tokenprovider.TokenProvider = (*minter)(nil)

// Token mints a token: POST /app/installations/{id}/access_tokens.
func (m *minter) Token(ctx context.Context) (string, time.Time, error) {
	i := (*Installation)(m)
	token, expiresAt, err := i.mint(ctx)
	if err != nil {
		if saysDead(err) {
			i.app.forget(ctx, i.id, anyScope)
			i.app.found.forget(i.id, "")
		}
		return "", time.Time{}, i.explain(err)
	}
	if i.app.log.Enabled(ctx, slog.LevelInfo) {
		i.app.log.Info("installation token minted",
			"app", i.app.name, "installation", i.id, "scope", i.asked.scope.String(),
			"expires_at", expiresAt, "token_sha256", tokenprovider.TokenSHA256(token))
	}
	return token, expiresAt, nil
}

// maxMint bounds the answer to a mint in bytes: it lists whole repositories.
const maxMint = 8 << 20

// mint waits for its turn and mints a token.
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
	got, err := a.do(ctx, apiclient.Request{
		Method: http.MethodPost,
		Path:   fmt.Sprintf("/app/installations/%d/access_tokens", i.id),
		Body:   body,
		Want:   http.StatusCreated,
		Limit:  maxMint,
	})
	if err != nil {
		return "", time.Time{}, err
	}
	answer, expiresAt, err := parseMinted(got.Body)
	if err == nil {
		err = answer.verify(i.asked.scope)
	}
	if err == nil && !expiresAt.After(a.client.Now()) {
		err = fmt.Errorf("the token expired at %s, before it came", expiresAt.Format(time.RFC3339))
	}
	if err != nil {
		return "", time.Time{}, internal(err)
	}
	i.granted.Store(answer.grant(i.asked.scope))
	return answer.Token, a.client.Local(expiresAt, got), nil
}

// invalidRequest returns an error of CodeInvalidRequest.
func invalidRequest(format string, args ...any) error {
	return &tokenprovider.Error{
		Code: tokenprovider.CodeInvalidRequest,
		Err:  fmt.Errorf("githubapp: "+format, args...),
	}
}

// internal returns err as one of CodeInternal.
func internal(err error) error {
	return &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: err}
}

// explain returns err with what was asked for. Its code and a hint when to try
// again stay.
func (i *Installation) explain(err error) error {
	cause := err
	if e, ok := err.(*tokenprovider.Error); ok && e.Err != nil {
		cause = e.Err // its text would tell the hint a second time
	}
	return &tokenprovider.Error{
		Code:       tokenprovider.CodeOf(err),
		RetryAfter: tokenprovider.RetryAfter(err),
		Err: fmt.Errorf("githubapp: mint a token of installation %d (%s): %w",
			i.id, i.asked.scope, cause),
	}
}
