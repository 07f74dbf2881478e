package tokenhttp

import (
	"context"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Source returns the provider whose token p gets. Here a platform decides what
// each workspace may have, by p and by what it knows about the workspace
// ([tokenprovider.WorkspaceFrom] of ctx, if [Options].Workspace is set). The
// repository that the request names ([tokenprovider.Repository] of ctx) may
// only choose among what p may have.
//
// A nil provider, or [tokenprovider.ErrNotConfigured], means that there is none
// (404). [ErrForbidden] means that p may have none (403). Any other error is
// answered like one of a provider (500). A Source is called for every request,
// so it must not mint. It must be safe for concurrent use.
type Source func(ctx context.Context, p Principal) (tokenprovider.TokenProvider, error)

// errNoRegistry makes the answer for a platform that has no registry of plugins
// at all.
var errNoRegistry = coded(tokenprovider.CodeNotConfigured, "the registry is nil")

// One returns a [Source] that gives everyone the token of p. With a nil p every
// request is answered with 404.
func One(p tokenprovider.TokenProvider) Source {
	return func(context.Context, Principal) (tokenprovider.TokenProvider, error) { return p, nil }
}

// FirstProvider returns a [Source] that gives everyone the token of reg's
// FirstTokenProvider: one token for all workspaces. reg is a
// *provisionhook.Registry, or has that method. It is asked at each request, so
// plugins may register later. With a nil reg, or one that holds a nil pointer,
// every request is answered with 404.
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

// PerWorkspace returns a [Source] that gives each workspace a token of its own,
// from reg's FirstWorkspaceTokenProvider. If reg has none, workspaces get a
// 404, and never the token of FirstTokenProvider; that is for an administrator
// who asks about no workspace. reg is as in [FirstProvider].
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
