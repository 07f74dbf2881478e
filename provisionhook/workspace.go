package provisionhook

import (
	"context"
	"maps"
)

// Workspace is what a platform tells mutators about a workspace beyond its id. It travels in the context, so that
// [EnvMutator] needn't change when a platform knows more. A platform that has nothing to tell leaves it out.
type Workspace struct {
	ID     string
	Name   string
	Owner  string
	Labels map[string]string // what else the platform knows: role, team, template
}

type workspaceKey struct{}

// WithWorkspace is ctx with ws in it. The labels are copied.
func WithWorkspace(ctx context.Context, ws Workspace) context.Context {
	ws.Labels = maps.Clone(ws.Labels)
	return context.WithValue(ctx, workspaceKey{}, ws)
}

// WorkspaceFrom is the Workspace in ctx; false when there is none. The labels are the caller's own copy.
func WorkspaceFrom(ctx context.Context) (Workspace, bool) {
	ws, ok := ctx.Value(workspaceKey{}).(Workspace)
	ws.Labels = maps.Clone(ws.Labels)
	return ws, ok
}
