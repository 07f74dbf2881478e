package provisionhook

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
)

// Plan is the environment and the files that a workspace starts with, and who
// changed what in them. It belongs to the caller of [Registry.Plan].
//
// Env and Files may hold secrets. A Plan prints, logs and encodes only their
// keys. But don't print a struct with a Plan in an unexported field: [fmt]
// calls no methods there, and prints the values.
type Plan struct {
	Env   map[string]string // never nil
	Files map[string][]byte // by absolute path, to be written with mode 0600; never nil

	// Changes are the changes of Env, in the order of the mutators, and for
	// each mutator in the order of the keys.
	Changes []Change

	// FileChanges are the changes of Files, in the same order; Key is the path.
	FileChanges []Change
}

// Plan runs the mutators on a copy of env and returns what they made of it. env
// is not changed; nil counts as empty.
//
// The mutators run in the order of their registration, each on a copy of what
// the ones before have left. What a mutator changed is then checked: an empty
// name, "=" or NUL in a name, or NUL in a value is an error, and so is what a
// [Check] of the Registry refuses.
//
// The first error ends the chain, and the Plan is nil. The error is a
// [*MutatorError] around the error of the mutator or the Check, a
// [*PanicError], or the error of ctx. Plan looks at ctx before each mutator and
// while it checks many changes, but not after the last mutator has succeeded.
func (r *Registry) Plan(ctx context.Context, workspaceID string, env map[string]string) (*Plan, error) {
	return r.plan(ctx, workspaceID, env, r.registered())
}

// plan does the work of Plan with entries, the mutators at the moment of the
// call.
func (r *Registry) plan(
	ctx context.Context, workspaceID string, env map[string]string, entries []*entry,
) (*Plan, error) {
	c := newChain(r, env)
	for _, e := range entries {
		if err := c.step(ctx, workspaceID, e); err != nil {
			return nil, &MutatorError{Mutator: e.name, WorkspaceID: workspaceID, Err: err}
		}
	}
	return &c.plan, nil
}

// Environ returns the environment as sorted "KEY=VALUE" strings, for
// [os/exec.Cmd] and the like. A nil Plan has none.
func (p *Plan) Environ() []string {
	if p == nil {
		return nil
	}
	environ := make([]string, 0, len(p.Env))
	for _, key := range keys(p.Env) {
		environ = append(environ, key+"="+p.Env[key])
	}
	return environ
}

// Format prints the keys under every verb.
func (p Plan) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "provisionhook.Plan{Env: %q, Files: %q, Changes: %+v, FileChanges: %+v}",
		keys(p.Env), keys(p.Files), p.Changes, p.FileChanges)
}

// LogValue returns a group of the keys.
func (p Plan) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Any("env", keys(p.Env)),
		slog.Any("files", keys(p.Files)),
		slog.Any("changes", p.Changes),
		slog.Any("file_changes", p.FileChanges),
	)
}

// MarshalJSON returns the keys.
func (p Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Env         []string `json:"env"`
		Files       []string `json:"files,omitempty"`
		Changes     []Change `json:"changes"`
		FileChanges []Change `json:"file_changes,omitempty"`
	}{keys(p.Env), keys(p.Files), p.Changes, p.FileChanges})
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
