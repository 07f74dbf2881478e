package tokenhttp

import (
	"context"
	"errors"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// admitted is a request that is let in: for whom it acts, and its context with
// what the platform knows of the workspace.
type admitted struct {
	principal Principal
	ctx       context.Context
}

// admit asks who sent the request and whether they may have what they ask for.
func (x *exchange) admit(ctx context.Context) (admitted, error) {
	if err := x.enter(ctx, atAuthenticator, nil); err != nil {
		return admitted{}, err
	}
	sender, err := x.auth.Authenticate(x.request)
	if err != nil {
		return admitted{}, err
	}
	if sender.WorkspaceID == "" && !sender.Admin {
		return admitted{}, forbidden
	}
	p, allowed := x.route.authorize(sender, x.id)
	err = x.enter(ctx, atAdmission, func(at *position) {
		at.sender, at.workspace = sender, p.WorkspaceID
	})
	if err != nil {
		return admitted{}, err
	}
	if sender.NoExpiry && x.options.Admit == nil {
		x.unjudged.Say(ctx, x.options.Logger, sender.WorkspaceID)
		return admitted{}, unauthenticated
	}
	if !allowed {
		return admitted{}, forbidden
	}
	if x.options.Admit != nil {
		if err := x.options.Admit(ctx, p); err != nil {
			return admitted{}, err
		}
	}
	if ctx, err = x.inform(ctx, p.WorkspaceID); err != nil {
		return admitted{}, err
	}
	if x.wish.refused != nil {
		return admitted{}, x.wish.refused
	}
	return admitted{p, ctx}, nil
}

// inform returns ctx with what Options.Workspace knows of the workspace id; ""
// is none.
func (h *Handler) inform(ctx context.Context, id string) (context.Context, error) {
	if h.options.Workspace == nil || id == "" {
		return ctx, nil
	}
	workspace, err := h.options.Workspace(ctx, id)
	if err != nil {
		return nil, err
	}
	if workspace.ID == "" {
		workspace.ID = id
	}
	if workspace.ID != id {
		return nil, errors.New("tokenhttp: Options.Workspace answered with another workspace")
	}
	return tokenprovider.WithWorkspace(ctx, workspace), nil
}
