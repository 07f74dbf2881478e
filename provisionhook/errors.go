package provisionhook

import "fmt"

// MutatorError says which mutator failed, and for which workspace.
// [Registry.Run] and [Registry.Plan] return one for the first failure,
// [Registry.Release] joins one for each.
//
// Mutator may be shown to the workspace's user. Err, and with it the text of
// the error, is for operators: it comes from the mutator.
type MutatorError struct {
	Mutator     string // its name
	WorkspaceID string
	Err         error // the error of the mutator, of a Check or of ctx; after a panic one in which errors.As finds a *PanicError
}

// Error returns the text for operators. It begins with provisionhook and the
// quoted name.
func (e *MutatorError) Error() string {
	return fmt.Sprintf("provisionhook %q: %v", e.Mutator, e.Err)
}

// Unwrap returns the cause.
func (e *MutatorError) Unwrap() error { return e.Err }
