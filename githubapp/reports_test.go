package githubapp_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
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

func TestNobodyWaitsForARevocationBeyondItsContext(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		m := p.process(t)
		token := p.start(t, m, "a")
		time.Sleep(time.Minute)
		stop := p.Fail(githubapptest.Rule{Method: http.MethodDelete, Fault: githubapptest.Delay(14 * time.Second)})
		require.True(t, m.Invalidate(token))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, _, err := m.WorkspaceToken(ctx, "a")
		require.NoError(t, err)
		require.LessOrEqual(t, time.Since(began), 4*time.Second)
		stop()
		require.NoError(t, m.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, token)
	})
}
