package githubapp_test

import (
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/stretchr/testify/require"
)

func TestAWorkspaceThatReportsAllItsTokensKeepsNone(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		const hours, replicas = 3, 3
		var mutators []*githubapp.WorkspaceMutator
		for range replicas {
			mutators = append(mutators, p.replica(t))
		}
		p.start(t, mutators[0], "a")
		given := map[string]bool{}
		for n := range hours * 360 {
			m := mutators[n%replicas]
			token := p.workspaceToken(t, m, "a")
			given[token] = true
			m.Invalidate(token)
			time.Sleep(10 * time.Second)
		}
		require.LessOrEqual(t, p.Mints(), hours*(12*replicas+2)+replicas, "about one in 5 min and replica")
		require.NoError(t, mutators[1].ReleaseWorkspace(t.Context(), "a"))
		for token := range given {
			p.requireDead(t, token)
		}
		require.Greater(t, len(given), hours, "reports are heeded")
		t.Log(p.Mints(), "mints, ", len(given), "tokens")
	})
}
