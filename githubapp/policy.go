package githubapp

import (
	"context"
	"errors"
	"fmt"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// ScopePolicy decides, from the platform's own records, which installation a
// workspace may use, and with which scope. It is asked for each token, so a
// change of its answer has effect on the next one. It must be safe for
// concurrent use and should return when ctx ends.
//
// When it returns an error the workspace gets no token. To deny a token, return
// a [*tokenprovider.Error] of CodeForbidden: an error without a code counts as
// temporary. The zero [Scope] is all that the installation has, so return an
// empty list, and not nil, for a workspace that may have no repository.
type ScopePolicy func(ctx context.Context, workspaceID string) (installationID int64, s Scope, err error)

// installation returns what the policy gives the workspace.
func (m *WorkspaceMutator) installation(ctx context.Context, workspaceID string) (*Installation, error) {
	if workspaceID == "" {
		return nil, invalidRequest("the workspace's id is empty")
	}
	id, scope, err := m.ask(ctx, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("githubapp: policy for workspace %q: %w", workspaceID, err)
	}
	i := m.app.installation(id, everything, scope)
	if err := i.invalid(); err != nil {
		return nil, invalidRequest("policy for workspace %q: installation %d: %w", workspaceID, id, err)
	}
	if i.asked.scope.narrowsNothing() {
		m.app.log.Warn("policy doesn't narrow a workspace's token",
			"mutator", m.Name(), "workspace", workspaceID, "installation", id)
	}
	return i, nil
}

// ask returns what the policy says. It is somebody's own code: a panic in it is
// an error, and nobody waits for it beyond ctx.
func (m *WorkspaceMutator) ask(ctx context.Context, workspaceID string) (id int64, scope Scope, err error) {
	type given struct {
		id    int64
		scope Scope
	}
	got, err := foreign.Within(ctx, "the ScopePolicy", func(ctx context.Context) (given, error) {
		id, scope, err := m.policy(ctx, workspaceID)
		return given{id, scope}, err
	})
	if defect, ok := errors.AsType[*foreign.Defect](err); ok {
		err = internal(defect)
	} else if err == foreign.ErrNoAnswer {
		err = ctx.Err()
	}
	return got.id, got.scope, err
}
