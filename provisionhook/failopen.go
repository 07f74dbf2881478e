package provisionhook

import (
	"context"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// FailOpen returns a mutator that does m's work where m succeeds, and nothing
// where m fails, for a platform that would rather start a workspace without
// that work than not at all. When m returns an error, panics or calls
// [runtime.Goexit], what it wrote is discarded, report is called, and the chain
// goes on.
//
// It guards m's [FileMutator] and [Releaser] too, and discards variables and
// files together. For that it must be what is registered, or inside a decorator
// of this package: inside another wrapper, MutateEnv and MutateFiles are
// guarded one by one.
//
// report gets ctx, the workspace's id and a [*MutatorError], and the chain
// waits for it; one that panics ends the chain. It may be nil, which leaves no
// trace of the failure. When ctx is done the error is returned and not
// reported: the caller wanted it, and m didn't fail. A [Check] that refuses
// what m did ends the chain all the same.
//
// Use it for what a workspace can do without, never for what protects it. A nil
// m gives nil. FailOpen calls m's Name, and a panic of that goes on to its
// caller.
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
