package main

import (
	"os/exec"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/stretchr/testify/require"
)

func TestTheExampleRuns(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "run", ".").CombinedOutput()
	require.NoError(t, err, "%s", output)
	doctest.RequireShown(t, "README.md", "go run ./examples/gateway", string(output))
	require.NotContains(t, string(output), "ghs_")
}
