package provisionhook

import (
	"context"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// FailOpen returns a mutator that does what m does, but doesn't end the chain
// when m fails. When m returns an error, panics or calls [runtime.Goexit], what
// it wrote is discarded, report is called, and the chain goes on.
//
// That holds for m as a [FileMutator] and a [Releaser] too. Variables and files
// are discarded together if the mutator that FailOpen returns is itself
// registered, or is in a decorator of this package; in another wrapper, an
// error of MutateFiles leaves the variables.
//
// report gets ctx, the workspace's id and a [*MutatorError], and the chain
// waits for it; a panic of report ends the chain. With a nil report a failure
// leaves no trace. When ctx is done, the error ends the chain and isn't
// reported. A [Check] that refuses what m did ends the chain, too.
//
// Use it for what a workspace can do without, never for what protects it. With
// a nil m it returns nil. It calls m's Name, and doesn't recover from a panic
// of that.
func FailOpen(m EnvMutator, report func(ctx context.Context, workspaceID string, err error)) EnvMutator {
	if foreign.IsNil(m) {
		return nil
	}
	name := m.Name()
	return decorate("provisionhook.FailOpen", m, name,
		func(ctx context.Context, workspaceID string, d draft, inside inside) error {
			copies := d.clone()
			err := call(func() error { return inside(ctx, copies) })
			switch {
			case err == nil:
				d.become(copies)
				return nil
			case ctx.Err() != nil:
				return err
			case report == nil:
				return nil
			}
			return call(func() error {
				report(ctx, workspaceID, &MutatorError{Mutator: name, WorkspaceID: workspaceID, Err: err})
				return nil
			})
		})
}
