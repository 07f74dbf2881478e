package clienttest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	oldgithub "github.com/google/go-github/v88/github"
	"github.com/google/go-github/v92/github"
	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// client is an app's client in the words of no library. status is that of the refusal that an error is.
type client struct {
	mint   func(ctx context.Context, installation int64, s scope) (token string, expiresAt time.Time, err error)
	list   func(ctx context.Context) ([]int64, error)
	find   func(ctx context.Context, target string) (int64, error) // owner or owner/repo
	revoke func(ctx context.Context, token string) error
	status func(err error) int
}

// scope narrows a token; zero doesn't.
type scope struct {
	repository string
	contents   string
}

// clients are the libraries that go through the scenario. Each call makes a client that knows nothing yet.
var clients = map[string]func(*fake) *client{
	"go-github":      goGitHub,
	"ghinstallation": ghInstallation,
	"githubapp":      githubApp,
}

// asApp is go-github that ghinstallation gives the app's JWT.
func (f *fake) asApp() *github.Client {
	f.t.Helper()
	transport, err := ghinstallation.NewAppsTransport(f.witness, appID, testutil.RSAKeyPEM(f.t, 0))
	require.NoError(f.t, err)
	return f.goGitHub(github.WithTransport(transport))
}

// asInstallation is go-github with a token.
func (f *fake) asInstallation(token string) *github.Client {
	f.t.Helper()
	return f.goGitHub(github.WithTransport(f.witness), github.WithAuthToken(token))
}

func (f *fake) goGitHub(options ...github.ClientOptionsFunc) *github.Client {
	f.t.Helper()
	base := f.URL + "/"
	c, err := github.NewClient(append(options, github.WithURLs(&base, &base))...)
	require.NoError(f.t, err)
	return c
}

func goGitHub(f *fake) *client {
	c := f.asApp()
	return &client{
		mint: func(ctx context.Context, installation int64, s scope) (string, time.Time, error) {
			options := &github.InstallationTokenOptions{}
			if s.repository != "" {
				options.Repositories = []string{s.repository}
			}
			if s.contents != "" {
				options.Permissions = &github.InstallationPermissions{Contents: &s.contents}
			}
			minted, _, err := c.Apps.CreateInstallationToken(ctx, installation, options)
			return minted.GetToken(), minted.GetExpiresAt().Time, err
		},
		list: func(ctx context.Context) (ids []int64, err error) {
			for options := (&github.ListOptions{PerPage: 2}); ; {
				page, resp, err := c.Apps.ListInstallations(ctx, options)
				if err != nil {
					return ids, err
				}
				for _, i := range page {
					ids = append(ids, i.GetID())
				}
				if resp.NextPage == 0 {
					return ids, nil
				}
				options.Page = resp.NextPage
			}
		},
		find: func(ctx context.Context, target string) (int64, error) {
			owner, repository, isRepository := strings.Cut(target, "/")
			find := func() (*github.Installation, *github.Response, error) { return c.Apps.GetUserInstallation(ctx, owner) }
			if isRepository {
				find = func() (*github.Installation, *github.Response, error) {
					return c.Apps.GetRepositoryInstallation(ctx, owner, repository)
				}
			}
			found, _, err := find()
			return found.GetID(), err
		},
		revoke: func(ctx context.Context, token string) error {
			_, err := f.asInstallation(token).Apps.RevokeInstallationToken(ctx)
			return err
		},
		status: func(err error) int {
			if refusal, ok := errors.AsType[*github.ErrorResponse](err); ok {
				return refusal.Response.StatusCode
			}
			return 0
		},
	}
}

// ghInstallation mints by itself and has go-github do the rest.
func ghInstallation(f *fake) *client {
	c := goGitHub(f)
	c.mint = func(ctx context.Context, installation int64, s scope) (string, time.Time, error) {
		transport, err := ghinstallation.New(f.witness, appID, installation, testutil.RSAKeyPEM(f.t, 0))
		if err != nil {
			return "", time.Time{}, err
		}
		transport.BaseURL = f.URL
		if s != (scope{}) {
			transport.InstallationTokenOptions = &oldgithub.InstallationTokenOptions{}
			if s.repository != "" {
				transport.InstallationTokenOptions.Repositories = []string{s.repository}
			}
			if s.contents != "" {
				transport.InstallationTokenOptions.Permissions = &oldgithub.InstallationPermissions{Contents: &s.contents}
			}
		}
		token, err := transport.Token(ctx)
		if err != nil {
			return "", time.Time{}, err
		}
		expiresAt, _, err := transport.Expiry()
		return token, expiresAt, err
	}
	ofGoGitHub := c.status
	c.status = func(err error) int {
		if refusal, ok := errors.AsType[*ghinstallation.HTTPError](err); ok && refusal.Response != nil {
			return refusal.Response.StatusCode
		}
		return ofGoGitHub(err)
	}
	return c
}

// githubApp is this module's own. GitHub's description judges its requests too.
func githubApp(f *fake) *client {
	f.witness.requests = true
	app, err := githubapp.New(githubapp.Options{
		ClientID: clientID, PrivateKey: testutil.RSAKeyPEM(f.t, 0), BaseURL: f.URL, HTTPClient: &http.Client{Transport: f.witness},
	})
	require.NoError(f.t, err)
	return &client{
		mint: func(ctx context.Context, installation int64, s scope) (string, time.Time, error) {
			var narrowed githubapp.Scope
			if s.repository != "" {
				narrowed.Repositories = []string{s.repository}
			}
			if s.contents != "" {
				narrowed.Permissions = map[string]string{"contents": s.contents}
			}
			return app.Installation(installation, narrowed).Token(ctx)
		},
		list: func(ctx context.Context) (ids []int64, err error) {
			for info, err := range app.Installations(ctx) {
				if err != nil {
					return ids, err
				}
				ids = append(ids, info.ID)
			}
			return ids, nil
		},
		find: func(ctx context.Context, target string) (int64, error) {
			info, err := app.FindInstallation(ctx, target)
			if err != nil {
				return 0, err
			}
			return info.ID, nil
		},
		revoke: app.Revoke,
		status: func(err error) int {
			if refusal, ok := errors.AsType[*githubapp.APIError](err); ok {
				return refusal.Status
			}
			return 0
		},
	}
}

// One scenario for all: a client that works with GitHub works with the fake, unchanged.
func TestClientsWorkUnchanged(t *testing.T) {
	for name, newClient := range clients {
		t.Run(name, func(t *testing.T) {
			for _, format := range []githubapptest.TokenFormat{githubapptest.FormatStateless, githubapptest.FormatClassic} {
				testClient(t, newFake(t, &githubapptest.Options{TokenFormat: format}), newClient)
			}
		})
	}
}

func testClient(t *testing.T, f *fake, newClient func(*fake) *client) {
	ctx := t.Context()
	reach := func(token string) (int, []string) {
		t.Helper()
		return f.reach(token)
	}
	c := newClient(f)

	// Mints: for everything, and narrowed.
	token, expiresAt, err := c.mint(ctx, alice, scope{})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, 10*time.Second)
	status, names := reach(token)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []string{"alice/notes"}, names)

	narrowed, _, err := c.mint(ctx, acme, scope{repository: "two", contents: "read"})
	require.NoError(t, err)
	status, names = reach(narrowed)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []string{"acme/two"}, names)

	// Revoked, one token is dead and the other lives.
	require.NoError(t, c.revoke(ctx, token))
	status, _ = reach(token)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = reach(narrowed)
	require.Equal(t, http.StatusOK, status)

	// All installations, over pages.
	ids, err := c.list(ctx)
	require.NoError(t, err)
	require.Equal(t, []int64{acme, alice, big}, ids)

	// Found by owner and by repository, by its former name too.
	for target, id := range map[string]int64{"acme": acme, "alice": alice, "acme/one": acme, "alice/notes": alice} {
		found, err := c.find(ctx, target)
		require.NoError(t, err, target)
		require.Equal(t, id, found, target)
	}
	require.NoError(t, f.RenameRepository("acme/old", "acme/new"))
	found, err := c.find(ctx, "acme/old")
	require.NoError(t, err)
	require.EqualValues(t, acme, found)

	// Refusals are refusals, with their status.
	refused := func(want int, err error) {
		t.Helper()
		require.Error(t, err)
		require.Equal(t, want, c.status(err), "%v", err)
	}
	_, _, err = c.mint(ctx, 99, scope{})
	refused(http.StatusNotFound, err)
	_, err = c.find(ctx, "nobody")
	refused(http.StatusNotFound, err)
	_, _, err = c.mint(ctx, alice, scope{contents: "write"})
	refused(http.StatusUnprocessableEntity, err)
	_, _, err = c.mint(ctx, acme, scope{repository: "none"})
	refused(http.StatusUnprocessableEntity, err)

	f.Suspend(acme, true)
	c = newClient(f)
	_, _, err = c.mint(ctx, acme, scope{})
	refused(http.StatusForbidden, err)
	status, _ = reach(narrowed)
	require.Equal(t, http.StatusForbidden, status)
	f.Suspend(acme, false)
	c = newClient(f)
	_, _, err = c.mint(ctx, acme, scope{})
	require.NoError(t, err)
	f.Uninstall(acme)
	c = newClient(f)
	_, _, err = c.mint(ctx, acme, scope{})
	refused(http.StatusNotFound, err)

	f.RotateKeys(appID, &testutil.RSAKey(t, 1).PublicKey)
	c = newClient(f)
	_, err = c.list(ctx)
	refused(http.StatusUnauthorized, err)

	for _, r := range f.Requests() {
		require.Empty(t, r.Breach, "%s %s", r.Method, r.Path)
	}
	answers, _ := f.witness.answers()
	t.Logf("%d answers validated", answers)
}

// reach asks with go-github what a token reaches.
func (f *fake) reach(token string) (status int, names []string) {
	f.t.Helper()
	list, resp, err := f.asInstallation(token).Apps.ListRepos(f.t.Context(), nil)
	require.NotNil(f.t, resp, "%v", err)
	if err == nil {
		for _, r := range list.Repositories {
			names = append(names, r.GetFullName())
		}
	}
	return resp.StatusCode, names
}
