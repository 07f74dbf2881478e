package githubapp_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
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

func TestATokenThatIsReportedWhileTheNextRipensIsRevoked(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		m := p.process(t)
		old := p.start(t, m, "a")
		time.Sleep(46 * time.Minute)
		require.Equal(t, old, p.workspaceToken(t, m, "a"))
		time.Sleep(time.Second) // the next one ripens
		require.Equal(t, 2, p.Mints())
		require.True(t, m.Invalidate(old))
		require.NotEqual(t, old, p.workspaceToken(t, m, "a"))
		p.requireDead(t, old)
	})
}

func TestATokenReportedAfterAnotherReplicasRefreshIsRevoked(t *testing.T) {
	for name, away := range map[string]bool{"at once": false, "when the store is back": true} {
		t.Run(name, func(t *testing.T) {
			onPlatform(t, func(t *testing.T, p *platform) {
				one, two := p.replica(t), p.replica(t)
				old := p.start(t, one, "a")
				require.Equal(t, old, p.workspaceToken(t, two, "a"))
				time.Sleep(41 * time.Minute)
				ctx := tokenprovider.WithMinTTL(t.Context(), 30*time.Minute)
				fresh, _, err := two.WorkspaceToken(ctx, "a")
				require.NoError(t, err)
				p.output.Secret(fresh)
				require.True(t, one.Invalidate(old))
				p.store.away.Store(away)
				token := p.workspaceToken(t, one, "a")
				if away {
					require.NotEqual(t, old, token)
					p.store.away.Store(false)
					time.Sleep(10 * time.Second)
					p.workspaceToken(t, one, "a")
				} else {
					require.Equal(t, fresh, token)
				}
				p.requireDead(t, old)
			})
		})
	}
}

func TestAReportIsBelievedWhereTheTokenHasJustArrived(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		old := p.start(t, p.replica(t), "a")
		time.Sleep(time.Minute)
		other := p.replica(t)
		require.Equal(t, old, p.workspaceToken(t, other, "a"))
		require.True(t, other.Invalidate(old), "it is a minute old, wherever it comes from")
		require.NotEqual(t, old, p.workspaceToken(t, other, "a"))
		p.requireDead(t, old)
	})
}
