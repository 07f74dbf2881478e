package provisionhook_test

import (
	"context"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

func TestAWorkspaceTravelsInTheContextToEveryMutator(t *testing.T) {
	want := provisionhook.Workspace{ID: "ws", Name: "n", Owner: "o",
		Labels: map[string]string{"role": "docs"}}
	m := provisionhook.Func("m", func(ctx context.Context, _ string, e map[string]string) error {
		ws, ok := provisionhook.WorkspaceFrom(ctx)
		require.True(t, ok)
		require.Equal(t, want, ws)
		e["ROLE"] = ws.Labels["role"]
		ws.Labels["role"] = "changed"
		return nil
	})
	labels := map[string]string{"role": "docs"}
	ctx := provisionhook.WithWorkspace(t.Context(),
		provisionhook.Workspace{ID: "ws", Name: "n", Owner: "o", Labels: labels})
	labels["role"] = "changed by the caller"

	p, err := registry(m, provisionhook.Timeout(m, 1<<40)).Plan(ctx, "ws", nil)
	require.NoError(t, err)
	require.Equal(t, env{"ROLE": "docs"}, p.Env)
}

func TestAContextWithoutAWorkspace(t *testing.T) {
	ws, ok := provisionhook.WorkspaceFrom(t.Context())
	require.False(t, ok)
	require.Zero(t, ws)
}
