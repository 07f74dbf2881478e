package workspace_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// BenchmarkProcess measures the wall time of whole processes of the built
// command, and beside it that of an empty Go program, which is the floor.
func BenchmarkProcess(b *testing.B) {
	p := newPlatform(b, workspacetest.Hourly())
	env := p.Env(b, "ws-1")
	testutil.Command(b)
	nothing := empty(b)
	b.Run("an empty program", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, exec.CommandContext(b.Context(), nothing).Run())
		}
	})
	b.Run("version", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			start(b, env, "", "version")
		}
	})
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			start(b, env, request, "get").Answered(b)
		}
	})
	env["PROVISIONKIT_GH"] = program(b, b.TempDir(), "gh")
	b.Run("gh", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.Zero(b, start(b, env, "", "gh", "pr", "list").Code)
		}
	})
	b.Run("gh without the shim", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			cmd := process(b.Context(), b, env, "", "pr", "list")
			cmd.Path = env["PROVISIONKIT_GH"]
			require.Zero(b, run(b, env, cmd).Code)
		}
	})
}

// empty builds a Go program that does nothing, and returns its path.
func empty(b *testing.B) string {
	b.Helper()
	source := filepath.Join(b.TempDir(), "main.go")
	require.NoError(b, os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600))
	path := filepath.Join(b.TempDir(), "empty.exe")
	output, err := exec.CommandContext(b.Context(), "go", "build", "-o", path, source).CombinedOutput()
	require.NoError(b, err, "%s", output)
	return path
}
