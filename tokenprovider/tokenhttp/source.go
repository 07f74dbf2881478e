package tokenhttp

import (
	"context"
	"errors"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Source chooses the provider whose token p gets. It is where a platform decides what each workspace may have, and it
// decides by p and what the platform knows of it ([provisionhook.WorkspaceFrom] of ctx, with [Options].Workspace set),
// never by what the request asks for.
//
// A nil provider and an error that is [tokenprovider.ErrNotConfigured] mean that there is none (404), [ErrForbidden]
// that p may have none (403); any other error is answered like a provider's own (500). A Source is called for every
// request and so doesn't mint; it is safe for concurrent use.
type Source func(ctx context.Context, p Principal) (tokenprovider.TokenProvider, error)

// errNoRegistry makes the answer for a platform that has no registry of plugins at all.
var errNoRegistry = &tokenprovider.Error{Code: tokenprovider.CodeNotConfigured, Err: errors.New("tokenhttp: the registry is nil")}

// FirstProvider gives everyone the token of reg's FirstTokenProvider: one token for all workspaces. reg is asked at each
// request, so plugins may register later. A nil reg is a platform without plugins, which is no error.
func FirstProvider(reg *provisionhook.Registry) Source {
	return func(context.Context, Principal) (tokenprovider.TokenProvider, error) {
		if reg == nil {
			return nil, errNoRegistry
		}
		return reg.FirstTokenProvider(), nil
	}
}

// PerWorkspace gives each workspace a token of its own, from the first of reg's mutators that is a
// [provisionhook.WorkspaceTokenProvider]. Without one there is no provider: the token that all share is never handed
// out in its place. An administrator who asks about no workspace gets the token of reg's FirstTokenProvider. reg is
// asked at each request; it may be nil.
func PerWorkspace(reg *provisionhook.Registry) Source {
	return func(_ context.Context, p Principal) (tokenprovider.TokenProvider, error) {
		switch {
		case reg == nil:
			return nil, errNoRegistry
		case p.WorkspaceID == "" && p.Admin:
			return reg.FirstTokenProvider(), nil
		case p.WorkspaceID == "":
			return nil, ErrForbidden
		}
		provider := reg.FirstWorkspaceTokenProvider()
		if provider == nil {
			return nil, nil
		}
		return &workspaceProvider{provider: provider, id: p.WorkspaceID}, nil
	}
}

// workspaceProvider is a [provisionhook.WorkspaceTokenProvider] for one workspace.
type workspaceProvider struct {
	provider provisionhook.WorkspaceTokenProvider
	id       string
}

var _ tokenprovider.Invalidator = (*workspaceProvider)(nil)

func (p *workspaceProvider) Token(ctx context.Context) (string, time.Time, error) {
	return p.provider.WorkspaceToken(ctx, p.id)
}

// Invalidate passes on to the mutator, which drops that exact token wherever it is held.
func (p *workspaceProvider) Invalidate(token string) bool {
	i, ok := p.provider.(tokenprovider.Invalidator)
	return ok && i.Invalidate(token)
}

// Name is the mutator's.
func (p *workspaceProvider) Name() string {
	if named, ok := p.provider.(provisionhook.EnvMutator); ok {
		return named.Name()
	}
	return ""
}

// nameOf is what p is called in an audit record.
func nameOf(p tokenprovider.TokenProvider) string {
	if named, ok := p.(interface{ Name() string }); ok {
		return named.Name()
	}
	status, _ := tokenprovider.StatusOf(p)
	return status.Name
}
