package provisionhook

import "context"

// FailOpen is m for a platform that would rather start a workspace without m's work than not at all: when m returns an
// error or panics, what it wrote is discarded, report is called, and the chain goes on. It guards m's [FileMutator] and
// [Releaser] too, and discards variables and files together; for that it must be what is registered, or inside a
// decorator of this package: through another wrapper around it, MutateEnv and MutateFiles are guarded one by one.
//
// report gets ctx, the workspace's id and a [*MutatorError]; it is called by the goroutine that runs the chain and may
// be nil, which leaves no trace of the failure. When ctx is done the error is returned and not reported: that is the
// caller's will and not m's failure. A [Check] that refuses what m did ends the chain all the same.
//
// The default without FailOpen is the safe one. Use it for what a workspace can do without, never for what protects it.
// A nil m gives nil.
func FailOpen(m EnvMutator, report func(ctx context.Context, workspaceID string, err error)) EnvMutator {
	if isNil(m) {
		return nil
	}
	name := m.Name()
	return decorate("provisionhook.FailOpen", m, name,
		func(ctx context.Context, workspaceID string, d draft, call func(context.Context, draft) error) error {
			copies := d.clone()
			err := guard(func() error { return call(ctx, copies) })
			if err == nil {
				d.become(copies)
				return nil
			}
			if ctx.Err() != nil {
				return err
			}
			if report != nil {
				report(ctx, workspaceID, &MutatorError{Mutator: name, WorkspaceID: workspaceID, Err: err})
			}
			return nil
		})
}
