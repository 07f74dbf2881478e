package provisionhook

import (
	"context"
	"errors"
	"slices"
)

// Releaser is a mutator that has something to give back when a workspace is
// gone: a token to revoke, a lease to end.
//
// ReleaseWorkspace is idempotent: a platform calls it after a start that failed
// too, and again when it isn't sure. It is no error for a workspace that the
// mutator has released before. For one that it has never seen it is one only
// where the mutator can't know that there is nothing to give back, and says so.
type Releaser interface {
	ReleaseWorkspace(ctx context.Context, workspaceID string) error
}

// Release tells every [Releaser] that the workspace is gone, in the reverse of
// the order they run in. All of them are tried, whatever happened to the
// others. Their errors are joined, each a [*MutatorError].
//
// Call it when a workspace has ended and after a Plan or Run that failed, with
// a ctx that outlives the request that led to it: when ctx is done, the
// Releasers are called all the same, and each decides what it can still do.
func (r *Registry) Release(ctx context.Context, workspaceID string) error {
	var errs []error
	for _, e := range slices.Backward(r.registered()) {
		if e.releaser == nil {
			continue
		}
		err := call(func() error { return e.releaser.ReleaseWorkspace(ctx, workspaceID) })
		if err != nil {
			errs = append(errs, &MutatorError{Mutator: e.name, WorkspaceID: workspaceID, Err: err})
		}
	}
	return errors.Join(errs...)
}
