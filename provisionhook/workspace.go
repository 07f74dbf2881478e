package provisionhook

import (
	"context"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Workspace is [tokenprovider.Workspace]: what a platform tells mutators about
// a workspace beyond its id.
type Workspace = tokenprovider.Workspace

// WithWorkspace returns a copy of ctx with ws in it; see
// [tokenprovider.WithWorkspace].
func WithWorkspace(ctx context.Context, ws Workspace) context.Context {
	return tokenprovider.WithWorkspace(ctx, ws)
}

// WorkspaceFrom returns the Workspace in ctx; see
// [tokenprovider.WorkspaceFrom].
func WorkspaceFrom(ctx context.Context) (Workspace, bool) {
	return tokenprovider.WorkspaceFrom(ctx)
}
