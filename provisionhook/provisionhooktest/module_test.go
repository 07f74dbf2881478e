package provisionhooktest_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/provisionhooktest"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestTheMutatorsOfThisModuleKeepTheContract(t *testing.T) {
	app := fakeApp(t) // a key takes long to make: one serves all subtests
	for name, newMutator := range map[string]func(*testing.T) provisionhook.EnvMutator{
		"gitcredential": func(t *testing.T) provisionhook.EnvMutator { return git(t, "") },
		"gitcredential with a file": func(t *testing.T) provisionhook.EnvMutator {
			return git(t, "/run/provisionkit/gitconfig")
		},
		"tokenhttp": func(t *testing.T) provisionhook.EnvMutator { return endpoint(t, "") },
		"tokenhttp with a file": func(t *testing.T) provisionhook.EnvMutator {
			return endpoint(t, "/run/provisionkit/bearer")
		},
		"githubapp": func(t *testing.T) provisionhook.EnvMutator {
			app, installation := app(t)
			return githubapp.NewMutator(app.Installation(installation), nil)
		},
		"githubapp for each workspace": func(t *testing.T) provisionhook.EnvMutator {
			app, installation := app(t)
			policy := func(context.Context, string) (int64, githubapp.Scope, error) {
				return installation, githubapp.Scope{Repositories: []string{"widgets"}}, nil
			}
			m, err := githubapp.NewWorkspaceMutator(app, policy, nil)
			require.NoError(t, err)
			return m
		},
		"githubapp's identity": func(t *testing.T) provisionhook.EnvMutator {
			app, _ := app(t)
			return githubapp.NewIdentityMutator(app)
		},
	} {
		t.Run(name, func(t *testing.T) { provisionhooktest.Run(t, newMutator) })
	}
}

func git(t *testing.T, configFile string) *gitcredential.Mutator {
	m, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{
		Hosts: []string{"a.example", "b.example:8443"}, ConfigFile: configFile,
	})
	require.NoError(t, err)
	return m
}

func endpoint(t *testing.T, bearerFile string) provisionhook.EnvMutator {
	key, err := tokenhttp.NewWorkspaceKey(bytes.Repeat([]byte("k"), 32))
	require.NoError(t, err)
	m, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{
		BaseURL: "https://platform.example", Key: key, BearerFile: bearerFile,
	})
	require.NoError(t, err)
	return m
}

// fakeApp registers an app with one installation at a fake forge that lives as
// long as the test, and returns what makes a client of it.
func fakeApp(t *testing.T) func(*testing.T) (app *githubapp.App, installation int64) {
	server, err := githubapptest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	ready, err := server.SetUp("acme/widgets")
	require.NoError(t, err)
	return func(t *testing.T) (*githubapp.App, int64) {
		app, err := githubapp.New(githubapp.Options{
			AppID: ready.AppID, PrivateKey: ready.PrivateKey(), BaseURL: server.URL, HTTPClient: server.Client(),
		})
		require.NoError(t, err)
		return app, ready.InstallationID
	}
}
