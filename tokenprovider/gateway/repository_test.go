package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// newOrganisations returns a gateway for workspaces with repositories of acme
// and globex, and one of initech, who hasn't installed the app.
func newOrganisations(t *testing.T) *platform {
	return newPlatform(t, func(p *platform, o *gateway.Options) {
		for _, repository := range []string{"globex/rockets", "globex/secret", "initech/x"} {
			_, err := p.github.AddRepository(repository)
			require.NoError(t, err)
		}
		p.github.AddInstallation(githubapptest.Installation{ID: installationID + 1, AppID: appID, Account: "globex"})
		policy, err := githubapp.Repositories(p.app, func(context.Context, string) ([]string, error) {
			return []string{"acme/widgets", "globex/rockets", "initech/x"}, nil
		}, nil)
		require.NoError(t, err)
		each, err := githubapp.NewWorkspaceMutator(p.app, policy, nil)
		require.NoError(t, err)
		o.Policy = func(_ context.Context, who tokenhttp.Principal, _ gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
				return each.WorkspaceToken(ctx, who.WorkspaceID)
			})}, nil
		}
	})
}

func TestTheProviderLearnsTheRepositoryFromTheURL(t *testing.T) {
	p := newOrganisations(t)
	for _, name := range []string{"acme/widgets", "globex/rockets"} {
		got := p.ask(t, "ws-1", "GET", "/api/v3/repos/"+name, "")
		require.Equal(t, 200, got.status, got.body)
	}
	git := p.newGit(t, "ws-1")
	for _, name := range []string{"acme/widgets", "globex/rockets"} {
		folder := t.TempDir()
		git.Run(t, "", "clone", "--quiet", p.github.URL+"/"+name+".git", folder)
		git.Run(t, folder, "commit", "--quiet", "--allow-empty", "--message", "Work")
		git.Run(t, folder, "push", "--quiet", "origin", "HEAD")
	}
	installations := map[int64]bool{}
	for _, r := range p.github.Requests() {
		if r.Git {
			installations[r.InstallationID] = true
		}
	}
	require.Equal(t, map[int64]bool{installationID: true, installationID + 1: true}, installations)
	require.Equal(t, 2, p.github.Mints(), "one token for each owner")
	p.requireClean(t)
}

func TestARefusalOfTheProviderNamesTheRepository(t *testing.T) {
	p := newOrganisations(t)
	for name, says := range map[string]string{
		"initech/x":     "the platform's app isn't installed on initech",
		"globex/secret": "globex/secret isn't among what the platform's policy allows this workspace",
		"Acme/Gadgets":  "acme/gadgets isn't among what the platform's policy allows this workspace",
	} {
		got := p.ask(t, "ws-1", "GET", "/api/v3/repos/"+name, "")
		require.Equal(t, 502, got.status)
		require.Contains(t, got.message(t), says)
		_, stderr, err := p.newGit(t, "ws-1").Try(t, "", "ls-remote", p.github.URL+"/"+name+".git")
		require.Error(t, err)
		require.Contains(t, stderr, says)
	}
	p.requireClean(t)
}
