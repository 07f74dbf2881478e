package main

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheExampleRuns(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "run", ".").CombinedOutput()
	require.NoError(t, err, "%s", output)
	for _, line := range []string{
		"mutators registered", "TokenProvider", "token-broker: set FORGE_TOKEN", "tokens issued",
	} {
		require.Contains(t, string(output), line)
	}
	require.NotContains(t, string(output), "forge-token")
	require.NotContains(t, string(output), "platform-key")
}
