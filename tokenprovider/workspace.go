package tokenprovider

import (
	"context"
	"maps"
	"time"
)

// WorkspaceTokenProvider has a token of its own for each workspace.
//
// WorkspaceToken keeps the contract of [TokenProvider] for the workspace with
// that id. An id that it doesn't know is an error, never a broader token.
type WorkspaceTokenProvider interface {
	WorkspaceToken(ctx context.Context, workspaceID string) (
		token string, expiresAt time.Time, err error)
}

// Workspace is what a platform knows about a workspace beyond its id, for
// plugins and policies. It travels in a context, so that their interfaces
// needn't change when a platform knows more. A platform that knows only the id
// needn't set it.
type Workspace struct {
	ID     string
	Name   string
	Owner  string
	Labels map[string]string // what else the platform knows: role, team, template
}

type workspaceKey struct{}

// WithWorkspace returns a copy of ctx with ws in it. The labels are copied.
func WithWorkspace(ctx context.Context, ws Workspace) context.Context {
	ws.Labels = maps.Clone(ws.Labels)
	return context.WithValue(ctx, workspaceKey{}, ws)
}

// WorkspaceFrom returns the Workspace in ctx; false when there is none. The
// labels are the caller's own copy.
func WorkspaceFrom(ctx context.Context) (Workspace, bool) {
	ws, ok := ctx.Value(workspaceKey{}).(Workspace)
	ws.Labels = maps.Clone(ws.Labels)
	return ws, ok
}
