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

// IdentityMutator is a plugin that makes git in a workspace commit as the app:
// without a name and an address git commit fails with "Author identity
// unknown". It satisfies provisionhook.EnvMutator without importing that
// package, and is safe for concurrent use.
type IdentityMutator struct{ app *App }

// NewIdentityMutator returns an [IdentityMutator] that sets app's
// [App.Identity]. With a nil app each MutateEnv returns an error.
func NewIdentityMutator(app *App) *IdentityMutator { return &IdentityMutator{app} }

// Name returns github-app-identity.
func (m *IdentityMutator) Name() string { return "github-app-identity" }

// MutateEnv sets GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, GIT_COMMITTER_NAME and
// GIT_COMMITTER_EMAIL, unless env has one of them. In git they take precedence
// over user.name and user.email. If the identity can't be found within 5 s,
// MutateEnv logs that, sets nothing and returns nil. It returns an error for a
// nil env and for a ctx that ended.
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
