package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheExampleRuns(t *testing.T) {
	run := exec.CommandContext(t.Context(), "go", "run", ".")
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "GITHUB_") { // a real app's, which a continuous integration may have
			run.Env = append(run.Env, variable)
		}
	}
	output, err := run.CombinedOutput()
	require.NoError(t, err, "%s", output)
	for _, repository := range []string{"acme/widgets", "acme/gadgets", "globex/rockets"} {
		require.Contains(t, string(output), repository+"\n")
	}
	require.Regexp(t, `(?m)^\d{2,} requests answered, 0 refused, \d+ tokens, 1 signatures$`,
		string(output))
	require.NotContains(t, string(output), "ghs_")
}
