package main

import (
	"context"
	"os"
	"strings"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/provisionhook"
)

// githubTokens returns the plugin for GitHub's tokens. With PLATFORM_REPOSITORIES
// each workspace has tokens of its own for the repositories in that list, of
// whatever owners; a platform has one for each workspace in its database.
// Without it all share the token of GITHUB_APP_INSTALLATION_ID.
func githubTokens(app *githubapp.App, getenv func(string) string) (provisionhook.EnvMutator, error) {
	list := os.Getenv("PLATFORM_REPOSITORIES")
	if list == "" {
		id, err := githubapp.InstallationIDFromEnv(getenv)
		if err != nil {
			return nil, err
		}
		return githubapp.NewMutator(app.Installation(id), nil), nil
	}
	allowed := func(context.Context, string) ([]string, error) { return strings.Split(list, ","), nil }
	policy, err := githubapp.Repositories(app, allowed, nil)
	if err != nil {
		return nil, err
	}
	return githubapp.NewWorkspaceMutator(app, policy, nil)
}
