package provisionhook

import (
	"context"
	"errors"
	"fmt"
)

// Func returns a mutator with that name whose MutateEnv is f. With a nil f each
// call of MutateEnv returns an error.
func Func(name string, f func(ctx context.Context, workspaceID string, env map[string]string) error) EnvMutator {
	return &funcMutator{name: name, f: f}
}

type funcMutator struct {
	name string
	f    func(ctx context.Context, workspaceID string, env map[string]string) error
}

func (m *funcMutator) Name() string     { return m.name }
func (m *funcMutator) typeName() string { return "provisionhook.Func" }
func (m *funcMutator) String() string   { return fmt.Sprintf("provisionhook.Func(%q)", m.name) }

func (m *funcMutator) MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	if m.f == nil {
		return errors.New("its function is nil")
	}
	return m.f(ctx, workspaceID, env)
}
