package clienttest

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-github/v92/github"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

// go-github tells the two kinds of limit apart by headers and by the documentation's URL, as GitHub sends them.
func TestGoGitHubRecognizesEachRateLimit(t *testing.T) {
	for name, c := range map[string]struct {
		fault githubapptest.Fault
		check func(*testing.T, error)
	}{
		"primary, 403":                {githubapptest.PrimaryLimit(403, 20*time.Minute), isPrimary},
		"primary, 429":                {githubapptest.PrimaryLimit(429, 20*time.Minute), isPrimary},
		"secondary, 403":              {githubapptest.SecondaryLimit(403, 30*time.Second), isSecondary(30 * time.Second)},
		"secondary, 429":              {githubapptest.SecondaryLimit(429, 30*time.Second), isSecondary(30 * time.Second)},
		"abuse detection":             {githubapptest.AbuseDetection(time.Minute), isSecondary(time.Minute)},
		"suspended, which is neither": {githubapptest.Suspended, isForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, nil)
			f.Fail(githubapptest.Rule{Fault: c.fault})
			_, _, err := f.asApp().Apps.CreateInstallationToken(t.Context(), acme, nil)
			c.check(t, err)
		})
	}
	t.Run("enforced", func(t *testing.T) {
		f := newFake(t, nil)
		f.SetRateLimit(1)
		app := f.asApp()
		_, resp, err := app.Apps.Get(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, 1, resp.Rate.Limit)
		require.Zero(t, resp.Rate.Remaining)
		_, _, err = f.asApp().Apps.Get(t.Context(), "") // a client that doesn't know yet
		isPrimaryWithin(time.Hour)(t, err)
	})
}

func isPrimary(t *testing.T, err error) { isPrimaryWithin(20*time.Minute)(t, err) }

func isPrimaryWithin(reset time.Duration) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		limit, ok := errors.AsType[*github.RateLimitError](err)
		require.True(t, ok, "%v", err)
		require.Zero(t, limit.Rate.Remaining)
		require.WithinDuration(t, time.Now().Add(reset), limit.Rate.Reset.Time, 10*time.Second)
	}
}

func isSecondary(after time.Duration) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		limit, ok := errors.AsType[*github.AbuseRateLimitError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, after, limit.GetRetryAfter())
	}
}

func isForbidden(t *testing.T, err error) {
	refusal, ok := errors.AsType[*github.ErrorResponse](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, http.StatusForbidden, refusal.Response.StatusCode)
	require.Equal(t, "This installation has been suspended", refusal.Message)
}

// What go-github reads out of answers is what the fake was told to be.
func TestGoGitHubReadsWhatTheFakeHas(t *testing.T) {
	f := newFake(t, nil)
	ctx := t.Context()
	app := f.asApp()

	self, _, err := app.Apps.Get(ctx, "")
	require.NoError(t, err)
	require.EqualValues(t, appID, self.GetID())
	require.Equal(t, "robot", self.GetSlug())
	require.Equal(t, clientID, self.GetClientID())

	organization, _, err := app.Apps.GetOrganizationInstallation(ctx, "acme")
	require.NoError(t, err)
	require.EqualValues(t, acme, organization.GetID())
	require.Equal(t, "acme", organization.GetAccount().GetLogin())
	require.Equal(t, "Organization", organization.GetTargetType())
	require.Equal(t, "all", organization.GetRepositorySelection())
	require.Equal(t, "write", organization.GetPermissions().GetContents())
	require.Equal(t, "admin", organization.GetPermissions().GetOrganizationProjects())
	require.Equal(t, "read", organization.GetPermissions().GetMetadata())
	require.WithinDuration(t, time.Now(), organization.GetCreatedAt().Time, 10*time.Second)
	require.Nil(t, organization.SuspendedAt)

	enterprise, _, err := app.Apps.GetEnterpriseInstallation(ctx, "big")
	require.NoError(t, err)
	require.EqualValues(t, big, enterprise.GetID())

	byName, _, err := app.Apps.GetRepositoryInstallation(ctx, "alice", "notes")
	require.NoError(t, err)
	require.EqualValues(t, alice, byName.GetID())

	minted, _, err := app.Apps.CreateInstallationToken(ctx, acme, &github.InstallationTokenOptions{Repositories: []string{"one"}})
	require.NoError(t, err)
	require.Len(t, minted.Repositories, 1)
	byID, _, err := app.Apps.GetRepositoryInstallationByID(ctx, minted.Repositories[0].GetID())
	require.NoError(t, err)
	require.EqualValues(t, acme, byID.GetID())

	installation := f.asInstallation(minted.GetToken())
	repository, _, err := installation.Repositories.Get(ctx, "acme", "one")
	require.NoError(t, err)
	require.Equal(t, f.URL+"/acme/one.git", repository.GetCloneURL())
	require.Equal(t, "main", repository.GetDefaultBranch())
	require.True(t, repository.GetPrivate())
	limits, _, err := installation.RateLimit.Get(ctx)
	require.NoError(t, err)
	require.Equal(t, 5000, limits.Core.Limit)
	_, _, err = installation.Users.Get(ctx, "")
	require.ErrorContains(t, err, "Resource not accessible by integration")

	require.NoError(t, f.RenameRepository("acme/one", "acme/uno"))
	renamed, _, err := installation.Repositories.Get(ctx, "acme", "one")
	require.NoError(t, err, "Go follows the redirect, with the token")
	require.Equal(t, "acme/uno", renamed.GetFullName())

	_, err = app.Apps.SuspendInstallation(ctx, acme)
	require.NoError(t, err)
	suspended, _, err := app.Apps.GetInstallation(ctx, acme)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), suspended.GetSuspendedAt().Time, 10*time.Second)
	require.NotEmpty(t, suspended.GetSuspendedBy().GetLogin())
	_, err = app.Apps.UnsuspendInstallation(ctx, acme)
	require.NoError(t, err)
	_, err = app.Apps.DeleteInstallation(ctx, acme)
	require.NoError(t, err)
	_, resp, err := app.Apps.GetInstallation(ctx, acme)
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}
