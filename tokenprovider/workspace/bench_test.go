package workspace_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// BenchmarkProcess measures the wall time of whole processes of the built
// command. version is the floor: a process that starts and prints.
func BenchmarkProcess(b *testing.B) {
	p := newPlatform(b, workspacetest.Hourly())
	env := p.Env(b, "ws-1")
	testutil.Command(b)
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
