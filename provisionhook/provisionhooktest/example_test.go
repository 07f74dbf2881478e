package provisionhooktest_test

import (
	"context"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/provisionhooktest"
)

// Editor is a plugin's mutator.
type Editor struct{ Command string }

var _ provisionhook.EnvMutator = (*Editor)(nil)

func (*Editor) Name() string { return "editor" }

func (e *Editor) MutateEnv(_ context.Context, _ string, env map[string]string) error {
	env["EDITOR"] = e.Command
	return nil
}

// TestEditorKeepsTheContract is all that a plugin's own test needs.
func TestEditorKeepsTheContract(t *testing.T) {
	provisionhooktest.Run(t, func(*testing.T) provisionhook.EnvMutator {
		return &Editor{Command: "vi"}
	})
}

func ExampleRun() {
	var t *testing.T // the parameter of a test function

	contract := func() {
		provisionhooktest.Run(t, func(*testing.T) provisionhook.EnvMutator {
			return &Editor{Command: "vi"}
		})
	}
	_ = contract // run by go test, as TestEditorKeepsTheContract
	// Output:
}
