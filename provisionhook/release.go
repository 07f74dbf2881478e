package provisionhook

import (
	"context"
	"errors"
	"slices"
)

// Releaser is a mutator that has something to give back when a workspace is
// gone, such as a token to revoke.
//
// A platform may call ReleaseWorkspace several times, and after a start that
// failed. It returns nil for a workspace that it has released before. For one
// that it has never seen it returns nil too, unless it can't know that there is
// nothing to give back; then its error says so.
type Releaser interface {
	ReleaseWorkspace(ctx context.Context, workspaceID string) error
}

// Release calls every [Releaser], because the workspace is gone, in the reverse
// order of their registration. It calls all of them, even if some fail, and
// returns their errors joined, each a [*MutatorError].
//
// Call it when a workspace has ended and after a Plan or Run that failed. Pass
// a ctx that doesn't end with a request: the Releasers are called even if ctx
// is done, but may then do nothing.
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
