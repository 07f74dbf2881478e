package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// policy gives a workspace its own repository and no other.
func (w *world) policy(_ context.Context, id string) (int64, githubapp.Scope, error) {
	ws, ok := w.lookUp(id)
	if !ok {
		err := &tokenprovider.Error{Code: tokenprovider.CodeForbidden, Err: errors.New("no such workspace")}
		return 0, githubapp.Scope{}, err
	}
	return installationID(ws.installation), githubapp.Scope{Repositories: []string{id}}, nil
}

// admit refuses workspaces that don't run.
func (w *world) admit(_ context.Context, p tokenhttp.Principal) error {
	if _, ok := w.lookUp(p.WorkspaceID); !ok {
		return tokenhttp.ErrForbidden
	}
	return nil
}

func (w *world) lookUp(id string) (*workspace, bool) {
	found, ok := w.admitted.Load(id)
	if !ok {
		return nil, false
	}
	return found.(*workspace), true
}

// audit notes what a replica issues to a workspace.
func (w *world) audit(_ context.Context, r tokenhttp.AuditRecord) {
	if ws, running := w.lookUp(r.Principal.WorkspaceID); running {
		ws.issued.add(w.known(r.TokenSHA256, r.ExpiresAt))
	}
}

// auditGateway notes which token a gateway added for a workspace. It lives for
// as long as tokens do, whatever a jump of the clock makes of that.
func (w *world) auditGateway(_ context.Context, r gateway.AuditRecord) {
	ws, running := w.lookUp(r.Principal.WorkspaceID)
	if !running {
		return
	}
	if t := w.known(r.TokenSHA256, r.Time); t != nil {
		t.expires = t.minted.Add(w.config.life)
		ws.issued.add(t)
	}
}

// known returns a token that a replica got from GitHub; nil if none did.
func (w *world) known(sha256 string, expires time.Time) *token {
	found, ok := w.minted.Load(sha256)
	if !ok {
		return nil
	}
	t := found.(token)
	t.expires = expires
	return &t
}

// alive reports whether GitHub takes the token.
func (w *world) alive(ctx context.Context, token string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.forge.URL+"/installation/repositories", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := w.forge.Client().Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
