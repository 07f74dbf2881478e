package githubapp_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestEachWorkspaceHasATokenOfItsOwn(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		life := func(a, a2 string) {
			t.Helper()
			require.NotEqual(t, a, a2, "of the same scope")
			require.Equal(t, a, p.workspaceToken(t, two, "a"), "its replicas share it")
			require.Equal(t, a2, p.workspaceToken(t, two, "a2"))
			require.True(t, p.alive(t, a))
			require.True(t, p.alive(t, a2))
		}
		a, a2 := p.start(t, one, "a"), p.start(t, one, "a2")
		life(a, a2)
		require.Equal(t, 2, p.Mints())
		for range 3 { // lives of a token
			time.Sleep(46 * time.Minute)
			p.workspaceToken(t, one, "a")
			p.workspaceToken(t, one, "a2")
			time.Sleep(10 * time.Second) // the refresh has settled
			fresh, fresh2 := p.workspaceToken(t, one, "a"), p.workspaceToken(t, one, "a2")
			require.NotContains(t, []string{a, a2}, fresh)
			require.NotContains(t, []string{a, a2}, fresh2)
			a, a2 = fresh, fresh2
			p.workspaceToken(t, two, "a")
			p.workspaceToken(t, two, "a2")
			time.Sleep(10 * time.Second)
			life(a, a2)
		}
		require.Equal(t, 8, p.Mints(), "one mint a life and workspace, for all replicas")
	})
}

func TestWhoWaitsForItsTurnTakesWhatAnotherReplicaMinted(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one, two := p.replica(t), p.replica(t)
		got := p.waiting(t, one)
		token := p.workspaceToken(t, two, "a")
		before := p.Mints()
		waited, err := got()
		require.NoError(t, err)
		require.Equal(t, token, waited)
		require.Equal(t, before+1, p.Mints(), "the other workspace's")
	})
}

func TestWhoAskedBeforeAReleaseGetsNothingOfTheNextLife(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one, two := p.replica(t), p.replica(t)
		got := p.waiting(t, one)
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		token := p.start(t, two, "a")
		waited, err := got()
		require.Empty(t, waited)
		require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "%v", err)
		require.Equal(t, token, p.workspaceToken(t, one, "a"), "who asks now is of the new one")
	})
}

func TestAWorkspaceThatKillsItsTokenHurtsNoOther(t *testing.T) {
	withAndWithoutAStore(t, func(t *testing.T, p *platform, one, two *githubapp.WorkspaceMutator) {
		victim := p.start(t, one, "a")
		for range 10 {
			p.RevokeToken(p.workspaceToken(t, one, "a2"))
			require.Equal(t, victim, p.workspaceToken(t, two, "a"))
			time.Sleep(time.Minute)
		}
		require.True(t, p.alive(t, victim))
	})
}

func TestSharedTokensAreOneMintForAFleet(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.opts.ShareTokens = true
		p.table.all = &widgets
		alone, mutators := p.process(t), []*githubapp.WorkspaceMutator{p.replica(t), p.replica(t)}
		token, other := p.start(t, mutators[0], "0"), p.start(t, alone, "0")
		for n := range 600 {
			require.Equal(t, token, p.workspaceToken(t, mutators[n%2], fmt.Sprint(n)))
			require.Equal(t, other, p.workspaceToken(t, alone, fmt.Sprint(n)))
		}
		require.Equal(t, 2, p.Mints(), "the process without the Store has its own")
		for _, m := range append(mutators, alone) {
			require.NoError(t, m.ReleaseWorkspace(t.Context(), "0"))
			require.NoError(t, m.ReleaseWorkspace(t.Context(), "never seen"))
			p.workspaceToken(t, m, "0") // Admit alone refuses it
			require.Equal(t, 1, m.Status().Of, "it is one token")
		}
		require.True(t, p.alive(t, token), "others have it")
		require.True(t, p.alive(t, other))
	})
}

func TestSharedTokensCostAMintForEachScopeAndLife(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		const scopes, hours = 10, 12
		p.opts.ShareTokens = true
		m := newWorkspaceMutator(t, p.app(t), func(_ context.Context, workspaceID string) (int64, githubapp.Scope, error) {
			var n int
			_, err := fmt.Sscan(workspaceID, &n)
			return int64(100 + n%scopes), widgets, err
		}, &p.opts)
		for n := range scopes {
			p.AddInstallation(githubapptest.Installation{ID: int64(100 + n), AppID: appID, Account: fmt.Sprint("org-", n),
				Repositories: []string{fmt.Sprintf("org-%d/widgets", n)}})
		}
		for range hours * 60 {
			for n := range 3 * scopes {
				p.workspaceToken(t, m, fmt.Sprint(n))
			}
			time.Sleep(time.Minute)
		}
		require.LessOrEqual(t, float64(p.Mints()-scopes), 1.4*scopes*hours, "beside the first of each")
		require.Equal(t, scopes, m.Status().Of)
		require.EqualValues(t, p.Mints(), m.Status().Mints)
	})
}

func TestMutatorsOfDifferentNamesKeepTokensApart(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		one := p.replica(t)
		p.opts.Name = "another"
		two := p.replica(t)
		a, other := p.start(t, one, "a"), p.start(t, two, "a")
		require.NoError(t, two.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, other)
		require.True(t, p.alive(t, a))
		require.Equal(t, a, p.workspaceToken(t, one, "a"))
	})
}

func TestAReplicaThatLearntTheClientIDIsOfTheSameApp(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		before := p.replica(t)
		after := p.replica(t, func(o *githubapp.Options) { o.ClientID = "Iv1.0123456789abcdef" })
		token := p.start(t, before, "a")
		require.Equal(t, token, p.workspaceToken(t, after, "a"))
		require.NoError(t, after.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, token)
	})
}

func TestASuspendedInstallationIsAskedForOnceForAll(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		const workspaces = 50
		for n := range workspaces { // each a scope of its own
			p.set(fmt.Sprint(n), &githubapp.Scope{Permissions: contentsRead.Permissions, RepositoryIDs: []int64{int64(1 + n)}})
		}
		m := p.replica(t)
		p.Suspend(installationID, true)
		for range 6 * 60 { // an hour
			for n := range workspaces {
				_, _, err := m.WorkspaceToken(t.Context(), fmt.Sprint(n))
				require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "%v", err)
			}
			time.Sleep(10 * time.Second)
		}
		require.LessOrEqual(t, len(p.Requests()), 10)
	})
}
