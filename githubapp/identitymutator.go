package githubapp

import (
	"context"
	"errors"
	"time"
)

// identityPatience is how long a start waits for GitHub to say who commits.
const identityPatience = 5 * time.Second

// identityVariables are who commits, for git.
var identityVariables = [...]string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"}

// IdentityMutator has git in a workspace commit as the app: without a name and
// an address `git commit` ends with "Author identity unknown". It satisfies
// provisionhook.EnvMutator without importing that package and is safe for
// concurrent use.
type IdentityMutator struct{ app *App }

// NewIdentityMutator returns an IdentityMutator of app's [App.Identity]. With a
// nil app each [IdentityMutator.MutateEnv] is an error.
func NewIdentityMutator(app *App) *IdentityMutator { return &IdentityMutator{app} }

// Name returns github-app-identity.
func (m *IdentityMutator) Name() string { return "github-app-identity" }

// MutateEnv sets GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, GIT_COMMITTER_NAME and
// GIT_COMMITTER_EMAIL, unless env has one of them: then somebody else says who
// commits. They take the place of user.name and user.email in the workspace. An
// identity that can't be found within 5 s is logged, and none is set: a
// workspace starts without it. A nil env is an error, and the end of ctx.
func (m *IdentityMutator) MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	switch {
	case m.app == nil:
		return errors.New("githubapp: the IdentityMutator has no App")
	case env == nil:
		return errors.New("githubapp: the environment is nil")
	}
	for _, name := range identityVariables {
		if _, set := env[name]; set {
			return nil
		}
	}
	patient, cancel := context.WithTimeout(ctx, identityPatience)
	defer cancel()
	who, err := m.app.Identity(patient)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		m.app.log.WarnContext(ctx, "workspace starts without a committer identity",
			"app", m.app.name, "workspace", workspaceID, "error", err)
		return nil
	}
	for n, name := range identityVariables {
		env[name] = [...]string{who.Name, who.Email}[n%2]
	}
	return nil
}
