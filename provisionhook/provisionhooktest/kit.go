package provisionhooktest

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
)

// patience is how long a call with a context that is done may take. Work that is cut off in the middle needs a moment;
// a call that ignores its context hangs.
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

// base is an environment as a platform would pass it.
func base() map[string]string {
	return map[string]string{"HOME": "/home/workspace", "WORKSPACE_NAME": "provisionhooktest", "SERVICE_KEY": secret}
}

// mutate calls MutateEnv on env, and MutateFiles if there is one, and turns a panic into an error.
func (k *kit) mutate(ctx context.Context, workspaceID string, env map[string]string, files map[string][]byte) (err error) {
	defer recovered(&err)
	if err := k.mutator.MutateEnv(ctx, workspaceID, env); err != nil {
		return err
	}
	if f, ok := provisionhook.As[provisionhook.FileMutator](k.mutator); ok {
		return f.MutateFiles(ctx, workspaceID, files)
	}
	return nil
}

// result is what the mutator makes of env for a workspace. An error ends the test.
func (k *kit) result(workspaceID string, env map[string]string) map[string]string {
	k.Helper()
	result := maps.Clone(env)
	if err := k.mutate(k.Context(), workspaceID, result, map[string][]byte{}); err != nil {
		k.broken("MutateEnv failed for workspace %q: %v", workspaceID, err)
		k.FailNow()
	}
	return result
}

// done calls f with a context that has ended and waits for it. ok is false if it takes too long.
func (k *kit) done(f func(ctx context.Context) error) (err error, ok bool) {
	ctx, cancel := context.WithCancel(k.Context())
	cancel()
	result := make(chan error, 1)
	go func() {
		defer close(result)
		result <- func() (err error) {
			defer recovered(&err)
			return f(ctx)
		}()
	}()
	select {
	case err := <-result:
		return err, true
	case <-time.After(patience):
		return nil, false
	}
}

func recovered(err *error) {
	if v := recover(); v != nil {
		*err = &provisionhook.PanicError{Value: v, Stack: debug.Stack()}
	}
}

// difference is the names, of variables or files, that only one of a and b has, in order.
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
