package githubapp_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// A replica that starts while GitHub is down has nothing in memory, and the
// token that others got has less life left than would do at other times.
func TestANewReplicaServesWhatLivesWhileGitHubIsDown(t *testing.T) {
	for name, share := range map[string]bool{"shared": true, "of a workspace": false} {
		t.Run(name, func(t *testing.T) {
			onPlatform(t, func(t *testing.T, p *platform) {
				p.opts.ShareTokens = share
				token := p.start(t, p.replica(t), "a")
				time.Sleep(50 * time.Minute)
				up := p.Fail(githubapptest.Rule{Fault: githubapptest.Reset})
				started := p.replica(t)
				ctx := tokenprovider.WithMinTTL(t.Context(), 30*time.Minute)
				got, expiresAt, err := started.WorkspaceToken(ctx, "a")
				require.NoError(t, err)
				require.Equal(t, token, got)
				require.Greater(t, time.Until(expiresAt), 9*time.Minute)

				time.Sleep(9 * time.Minute)
				require.Equal(t, token, p.workspaceToken(t, started, "a"))
				time.Sleep(2 * time.Minute)
				_, _, err = started.WorkspaceToken(t.Context(), "a")
				require.Error(t, err, "it is dead")
				up()
				time.Sleep(2 * time.Minute)
				require.NotEqual(t, token, p.workspaceToken(t, started, "a"))
			})
		})
	}
}

func TestATokenThatIsServedOnIsNoRefresh(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		m := p.replica(t)
		token := p.start(t, m, "a")
		time.Sleep(46 * time.Minute)
		p.Fail(githubapptest.Rule{Fault: githubapptest.Reset})
		p.workspaceToken(t, m, "a") // begins a refresh
		time.Sleep(10 * time.Second)
		require.Equal(t, token, p.workspaceToken(t, m, "a"))
		require.Equal(t, tokenprovider.StateDegraded, m.Status().State)
	})
}

func TestAStoreThatComesBackEmptyCostsNoMint(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one, two := p.replica(t), p.replica(t)
		token := p.start(t, one, "a")
		time.Sleep(50 * time.Minute)
		p.workspaceToken(t, one, "a") // begins a refresh
		time.Sleep(10 * time.Second)
		fresh := p.workspaceToken(t, one, "a")
		require.NotEqual(t, token, fresh)
		mints := p.Mints()
		p.store.Store = tokenprovidertest.NewStore()
		up := p.Fail(githubapptest.Rule{Fault: githubapptest.Reset})
		for _, m := range []*githubapp.WorkspaceMutator{one, two} {
			require.Equal(t, fresh, p.workspaceToken(t, m, "a"))
		}
		up()
		require.ErrorIs(t, two.ReleaseWorkspace(t.Context(), "a"), githubapp.ErrReleaseUncertain)
		p.requireDead(t, fresh)
		require.Equal(t, mints, p.Mints())
	})
}

func TestAReplicaThatIsHeldBackServesWhatTheStoreHas(t *testing.T) {
	for name, revoked := range map[string]bool{"alive": false, "revoked": true} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, githubapptest.Options{}, func(t *testing.T, g *github) {
				store := newSpyStore()
				token, _ := g.mint(t, g.replica(t, store).Installation(installationID))
				time.Sleep(50 * time.Minute)
				if revoked {
					require.NoError(t, g.replica(t, store).Revoke(t.Context(), token))
				}
				started := g.replica(t, store)
				g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.SecondaryLimit(429, 5*time.Hour)})
				g.tokenError(t, started.Installation(installationID, widgets))
				g.ForgetRequests()
				if revoked {
					g.tokenError(t, started.Installation(installationID))
				} else {
					got, _ := g.mint(t, started.Installation(installationID))
					require.Equal(t, token, got)
				}
				require.Empty(t, g.attempts())
			})
		})
	}
}

func TestReplicasTakeEachOthersTokensWhateverLifeIsWished(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one, two := p.replica(t), p.replica(t)
		token := p.start(t, one, "a")
		time.Sleep(29 * time.Minute)
		got, _, err := two.WorkspaceToken(tokenprovider.WithMinTTL(t.Context(), 10*time.Hour), "a")
		require.NoError(t, err)
		require.Equal(t, token, got)
		time.Sleep(12 * time.Minute)
		require.NotEqual(t, token, p.workspaceToken(t, p.replica(t), "a"), "it has less than a third of its life")
	})
}

func TestALifeThatBeganAwayGoesOnWhenTheStoreIsBackInBetween(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		former := p.start(t, p.replica(t), "a")
		two := p.replica(t)
		p.store.away.Store(true)
		p.Fail(githubapptest.Rule{Method: http.MethodPost, Times: 1, Fault: githubapptest.Delay(10 * time.Second)})
		var all sync.WaitGroup
		all.Go(func() { _ = two.MutateEnv(t.Context(), "a2", map[string]string{}) })
		time.Sleep(time.Second)
		env := map[string]string{}
		all.Go(func() { require.NoError(t, two.MutateEnv(t.Context(), "a", env)) }) // it waits for its turn
		time.Sleep(2 * time.Second)
		p.store.away.Store(false)
		all.Wait()
		p.output.Secret(env["GH_TOKEN"])
		require.NotEqual(t, former, env["GH_TOKEN"])
		require.True(t, p.alive(t, env["GH_TOKEN"]))
		time.Sleep(10 * time.Second)
		require.Equal(t, env["GH_TOKEN"], p.workspaceToken(t, p.replica(t), "a"))
	})
}
