package githubapp_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestUsageTellsLimitsHoldsAndWhoWaits(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.SetRateLimit(5000)
		app := p.app(t)
		installation := app.Installation(installationID)
		reporters := map[string]any{
			"app": app, "mutator": githubapp.NewMutator(installation, nil),
			"workspaces": newWorkspaceMutator(t, app, p.policy, nil),
		}
		p.mint(t, installation)
		p.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "other"})
		p.Suspend(43, true)
		_, _, err := app.Installation(43).Token(t.Context())
		require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
		for name, reporter := range reporters {
			usage, ok := tokenprovider.UsageOf(reporter)
			require.True(t, ok, name)
			require.Equal(t, "GitHub App 7", usage.Name, "of the same app is the same name")
			require.NotEmpty(t, usage.Limits, name)
			require.Equal(t, "app", usage.Limits[0].Subject)
			require.Equal(t, 5000, usage.Limits[0].Limit)
			require.Less(t, usage.Limits[0].Remaining, 5000)
			require.Len(t, usage.Holds, 1, name)
			require.Equal(t, "installation 43", usage.Holds[0].Subject)
			require.Equal(t, tokenprovider.CodeForbidden, usage.Holds[0].Code)
			require.WithinDuration(t, time.Now().Add(30*time.Second), usage.Holds[0].Until, 0)
			require.Zero(t, usage.Waiting)
		}

		m := p.process(t)
		p.start(t, m, "a")
		require.NoError(t, m.ReleaseWorkspace(t.Context(), "a")) // with the workspace's own token
		own := slices.IndexFunc(m.Usage().Limits, func(l tokenprovider.Limit) bool { return l.Subject == "installation 42" })
		require.GreaterOrEqual(t, own, 0)
		require.Equal(t, 4999, m.Usage().Limits[own].Remaining)

		p.SetLatency(time.Second)
		for n := range 30 { // of one account, whose first goes alone
			go func() {
				_, _, _ = app.Installation(installationID, githubapp.Scope{RepositoryIDs: []int64{int64(n + 1)}}).Token(context.Background())
			}()
		}
		synctest.Wait()
		require.Equal(t, 29, app.Usage().Waiting)
		time.Sleep(time.Hour)
		require.Zero(t, app.Usage().Waiting)
	})
}

func TestUsageNamesAHundredAtMostTheMostPressingFirst(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		app := p.app(t)
		for n := range 120 {
			id := int64(1000 + n)
			p.AddInstallation(githubapptest.Installation{ID: id, AppID: appID, Account: fmt.Sprint("org-", n)})
			p.Suspend(id, true)
			_, _, err := app.Installation(id).Token(t.Context())
			require.Error(t, err)
			time.Sleep(10 * time.Millisecond)
		}
		holds := app.Usage().Holds
		require.Len(t, holds, 100)
		require.Equal(t, "installation 1119", holds[0].Subject)
		require.True(t, holds[0].Until.After(holds[99].Until))
		time.Sleep(time.Minute)
		require.Empty(t, app.Usage().Holds, "what is over isn't held")
	})
}

func TestUsageOfAMutatorWithoutAnInstallationIsEmpty(t *testing.T) {
	require.Equal(t, tokenprovider.Usage{Name: "github-app-auth"}, githubapp.NewMutator(nil, nil).Usage())
}
