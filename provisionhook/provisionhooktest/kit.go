package provisionhooktest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/provisionhook"
)

// patience is how long a call with a context that is done may take. Work that
// is cut off in the middle needs a moment; a call that ignores its context
// hangs.
var patience = 10 * time.Second

// kit is one rule being tested on one mutator.
type kit struct {
	*testing.T
	rule    string
	mutator provisionhook.EnvMutator
}

// broken fails the test and quotes the rule.
func (k *kit) broken(format string, args ...any) {
	k.Helper()
	k.Errorf("rule: %s\nbroken: %s", k.rule, fmt.Sprintf(format, args...))
}

// secret is a value of the environment that no error may hold.
const secret = "provisionhooktest-4f9d1c7be2-secret"

// base returns an environment as a platform would pass it.
func base() map[string]string {
	return map[string]string{
		"HOME": "/home/workspace", "WORKSPACE_NAME": "provisionhooktest", "SERVICE_KEY": secret,
	}
}

// environments returns those that a mutator has to work in, by what they are.
func environments() map[string]map[string]string {
	return map[string]map[string]string{"an environment": base(), "an empty environment": {}}
}

// call calls code of the mutator's. A panic becomes an error with its stack.
func call(f func() error) error {
	err := foreign.Do("the mutator", f)
	if defect, ok := err.(*foreign.Defect); ok && defect.Stack != nil {
		return fmt.Errorf("%w\n%s", err, defect.Stack)
	}
	return err
}

// name returns the mutator's name. An error ends the test.
func (k *kit) name() (name string) {
	k.Helper()
	if err := call(func() error { name = k.mutator.Name(); return nil }); err != nil {
		k.broken("Name failed: %v", err)
		k.FailNow()
	}
	return name
}

// mutate calls MutateEnv on env, and MutateFiles if there is one.
func (k *kit) mutate(
	ctx context.Context, workspaceID string, env map[string]string, files map[string][]byte,
) error {
	return call(func() error {
		if err := k.mutator.MutateEnv(ctx, workspaceID, env); err != nil {
			return err
		}
		if f, ok := provisionhook.As[provisionhook.FileMutator](k.mutator); ok {
			return f.MutateFiles(ctx, workspaceID, files)
		}
		return nil
	})
}

// result returns what the mutator makes of env for a workspace. An error ends
// the test.
func (k *kit) result(workspaceID string, env map[string]string) map[string]string {
	k.Helper()
	result := maps.Clone(env)
	if err := k.mutate(k.Context(), workspaceID, result, map[string][]byte{}); err != nil {
		k.broken("MutateEnv failed for workspace %q: %v", workspaceID, err)
		k.FailNow()
	}
	return result
}

// done calls f with a context that has ended and returns its error. That it
// takes too long breaks the rule.
func (k *kit) done(f func(ctx context.Context) error) error {
	k.Helper()
	ended, end := context.WithCancel(k.Context())
	end()
	limited, cancel := context.WithTimeout(k.Context(), patience)
	defer cancel()
	_, err := foreign.Within(limited, "the mutator", func(context.Context) (struct{}, error) {
		return struct{}{}, f(ended)
	})
	if errors.Is(err, foreign.ErrNoAnswer) {
		k.broken("it hasn't returned %s after the end of ctx", patience)
		return nil
	}
	return err
}

// difference returns the names, of variables or files, that only one of a and b
// has, in order.
func difference[V any](a, b map[string]V) []string {
	var names []string
	for _, pair := range [][2]map[string]V{{a, b}, {b, a}} {
		for name := range pair[0] {
			if _, ok := pair[1][name]; !ok {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
