package provisionhook

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheEnvironmentIsCountedOnceForEachMutator counts the variables that
// MaxSize is given: each costs it the same.
func TestTheEnvironmentIsCountedOnceForEachMutator(t *testing.T) {
	const variables, mutators = 4_000, 2
	given := 0
	reg := &Registry{checks: []registeredCheck{{
		maxSize: true,
		Check: func(c Change, env map[string]string) error {
			if _, ok := env[c.Key]; !ok {
				t.Error("the variable itself is missing")
			}
			given += len(env)
			return nil
		},
	}}}
	for n := range mutators {
		reg.Register(Func("m", func(_ context.Context, _ string, env map[string]string) error {
			for i := range variables {
				env[fmt.Sprint("V", i)] = fmt.Sprint(n)
			}
			return nil
		}))
	}
	_, err := reg.Plan(t.Context(), "ws", nil)
	require.NoError(t, err)
	require.Equal(t, mutators*(variables+variables-1), given)
}
