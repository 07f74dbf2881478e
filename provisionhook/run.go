package provisionhook

import (
	"context"
	"errors"
	"fmt"
)

// Run makes a [Registry.Plan] and writes it into env. If that fails, by an
// error, a panic or the end of ctx, env is unchanged.
//
// With a nil env and at least one mutator Run returns an error before any
// mutator runs. It also returns an error if a mutator contributes files,
// because it has nowhere to put them: use Plan then.
func (r *Registry) Run(ctx context.Context, workspaceID string, env map[string]string) error {
	entries := r.registered()
	if env == nil && len(entries) > 0 {
		return errors.New("provisionhook: Run was given a nil map: " +
			"pass one that can take the variables, or use Plan")
	}
	plan, err := r.plan(ctx, workspaceID, env, entries)
	if err != nil {
		return err
	}
	if len(plan.Files) > 0 {
		file := plan.FileChanges[0]
		return &MutatorError{Mutator: file.Mutator, WorkspaceID: workspaceID, Err: fmt.Errorf(
			"it contributes the file %q, which Run has nowhere to put: use Plan and write Plan.Files", file.Key)}
	}
	for _, change := range plan.Changes {
		if value, ok := plan.Env[change.Key]; ok {
			env[change.Key] = value
		} else {
			delete(env, change.Key)
		}
	}
	return nil
}
