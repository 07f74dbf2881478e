package newgh

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheShimWorksWithANewGh runs the tests of the shim in the module that has
// it. Each has a home of its own, which is empty at first.
func TestTheShimWorksWithANewGh(t *testing.T) {
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

	tests := exec.CommandContext(t.Context(), "go", "test", "-count=1", "./tokenprovider/workspace/internal/ghshim")
	tests.Dir = filepath.Join("..", "..")
	tests.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	output, err = tests.CombinedOutput()
	require.NoError(t, err, "%s", output)
	t.Logf("%s", output)
}
