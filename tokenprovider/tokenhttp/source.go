package tokenhttp

import (
	"context"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Source chooses the provider whose token p gets. It is where a platform
// decides what each workspace may have. It decides by p and by what the
// platform knows of the workspace ([tokenprovider.WorkspaceFrom] of ctx, with
// [Options].Workspace set). What the request asks for ([tokenprovider.Repository]
// of ctx, "" for nothing) may only choose among what that allows.
//
// A nil provider and an error that is [tokenprovider.ErrNotConfigured] mean
// that there is none (404), [ErrForbidden] that p may have none (403); any
// other error is answered like a provider's own (500). A Source is called for
// every request and so doesn't mint; it is safe for concurrent use.
type Source func(ctx context.Context, p Principal) (tokenprovider.TokenProvider, error)

// errNoRegistry makes the answer for a platform that has no registry of plugins
// at all.
var errNoRegistry = coded(tokenprovider.CodeNotConfigured, "the registry is nil")

// One returns a Source that gives everyone the token of p. A nil p is a
// platform without a provider, which is no error.
func One(p tokenprovider.TokenProvider) Source {
	return func(context.Context, Principal) (tokenprovider.TokenProvider, error) { return p, nil }
}

// FirstProvider returns a Source that gives everyone the token of reg's
// FirstTokenProvider: one token for all workspaces. A *provisionhook.Registry
// is such a reg. It is asked at each request, so plugins may register later. A
// nil reg, or one that holds a nil pointer, is a platform without plugins,
// which is no error.
func FirstProvider(reg interface {
	FirstTokenProvider() tokenprovider.TokenProvider
}) Source {
	return func(context.Context, Principal) (tokenprovider.TokenProvider, error) {
		if foreign.IsNil(reg) {
			return nil, errNoRegistry
		}
		return reg.FirstTokenProvider(), nil
	}
}

// PerWorkspace returns a Source that gives each workspace a token of its own,
// from reg's FirstWorkspaceTokenProvider. Without one there is no provider: the
// token that all share is never handed out in its place. An administrator who
// asks about no workspace gets the token of reg's FirstTokenProvider. A
// *provisionhook.Registry is such a reg. It is asked at each request, and may
// be nil as in [FirstProvider].
func PerWorkspace(reg interface {
	FirstTokenProvider() tokenprovider.TokenProvider
	FirstWorkspaceTokenProvider() tokenprovider.WorkspaceTokenProvider
}) Source {
	return func(_ context.Context, p Principal) (tokenprovider.TokenProvider, error) {
		switch {
		case foreign.IsNil(reg):
			return nil, errNoRegistry
		case p.WorkspaceID == "" && p.Admin:
			return reg.FirstTokenProvider(), nil
		case p.WorkspaceID == "":
			return nil, ErrForbidden
		}
		provider := reg.FirstWorkspaceTokenProvider()
		if foreign.IsNil(provider) {
			return nil, nil
		}
		return &workspaceProvider{provider: provider, id: p.WorkspaceID}, nil
	}
}

// workspaceProvider is a [tokenprovider.WorkspaceTokenProvider] for one
// workspace.
type workspaceProvider struct {
	provider tokenprovider.WorkspaceTokenProvider
	id       string
}

var _ tokenprovider.Invalidator = (*workspaceProvider)(nil)

func (p *workspaceProvider) Token(ctx context.Context) (string, time.Time, error) {
	return p.provider.WorkspaceToken(ctx, p.id)
}

// Invalidate passes on to the mutator, which drops that exact token wherever it
// is held.
func (p *workspaceProvider) Invalidate(token string) bool {
	i, ok := p.provider.(tokenprovider.Invalidator)
	return ok && i.Invalidate(token)
}

// Name returns the mutator's name.
func (p *workspaceProvider) Name() string {
	if named, ok := p.provider.(interface{ Name() string }); ok {
		return named.Name()
	}
	return ""
}

// nameOf returns what p is called in an audit record.
func nameOf(p tokenprovider.TokenProvider) string {
	if named, ok := p.(interface{ Name() string }); ok {
		return named.Name()
	}
	status, _ := tokenprovider.StatusOf(p)
	return status.Name
}
