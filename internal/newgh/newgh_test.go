package newgh

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheShimAndTheGatewayWorkWithANewGh runs the tests of both in the module that
// has them. Each has a home of its own, which is empty at first.
func TestTheShimAndTheGatewayWorkWithANewGh(t *testing.T) {
	folder := t.TempDir()
	gh := filepath.Join(folder, "gh")
	if runtime.GOOS == "windows" {
		gh += ".exe"
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", gh, "github.com/cli/cli/v2/cmd/gh")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	version, err := exec.CommandContext(t.Context(), gh, "--version").Output()
	require.NoError(t, err)
	require.Contains(t, string(version), "gh version 2.83.0")

	for _, args := range [][]string{
		{"./tokenprovider/workspace/internal/ghshim"}, {"-v", "-run=^TestGHWorksThroughTheGateway$", "./tokenprovider/gateway"},
	} {
		tests := exec.CommandContext(t.Context(), "go", append([]string{"test", "-count=1"}, args...)...)
		tests.Dir = filepath.Join("..", "..")
		tests.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"))
		output, err = tests.CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.NotContains(t, string(output), "no tests to run")
		t.Logf("%s", output)
	}
}
