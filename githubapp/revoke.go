package githubapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Revoke revokes an installation token at GitHub (DELETE /installation/token).
// Before that it drops the token from this App's caches, and notes its SHA-256
// for an hour, in [Options].Store too: no replica takes the token from the
// store again, and a replica that holds it drops it with its next refresh or
// when it is reported. Revoke returns nil for a token that is dead already.
func (a *App) Revoke(ctx context.Context, token string) error {
	if token == "" {
		return invalidRequest("revoke: the token is empty")
	}
	a.ledger.Revoked(ctx, tokenprovider.TokenSHA256(token))
	of := ""
	for _, i := range a.cached(func(i *Installation) bool { return i.holds(token) }) {
		i.drop(ctx)
		of = subject(i.id)
	}
	for _, m := range a.workspaceMutators() {
		m.dropToken(token)
	}
	return a.revoke(ctx, token, of)
}

// holds reports whether token is the one that is served, or the latest that was
// minted or taken from the Store, which may still ripen.
func (i *Installation) holds(token string) bool {
	return i.latest.Load() == shortHash(token) || i.cache.Load().Status().TokenSHA256 == tokenprovider.TokenSHA256(token)
}

// revoke asks GitHub to kill a token: DELETE /installation/token, authenticated
// by the token itself. of is the installation whose limit the answer tells, ""
// where that isn't known.
func (a *App) revoke(ctx context.Context, token, of string) error {
	if !wire.IsToken(token) {
		return invalidRequest("revoke: the token holds white space or control characters")
	}
	select {
	case a.revocations <- struct{}{}:
		defer func() { <-a.revocations }()
	case <-ctx.Done():
		return fmt.Errorf("githubapp: revoke a token: %w", ctx.Err())
	}
	_, err := a.client.DoWithToken(ctx, token, apiclient.Request{
		Method: http.MethodDelete, Path: "/installation/token", Want: http.StatusNoContent, Subject: of,
	})
	err = published(err)
	if refusal, ok := errors.AsType[*APIError](err); ok && refusal.Status == http.StatusUnauthorized {
		return nil // dead already
	}
	sum := tokenprovider.TokenSHA256(token)
	if err != nil {
		return fmt.Errorf("githubapp: revoke the token with SHA-256 %s: %w", sum, err)
	}
	a.log.Info("installation token revoked", "app", a.name, "token_sha256", sum)
	return nil
}
