package githubapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// ScopePolicy decides, from the platform's own records, which installation a
// workspace may use and how narrowed. It is asked for each token, so a change
// of what it says counts for the next one. It must be safe for concurrent use
// and should return when ctx ends.
//
// When it fails there is no token, whatever was given before. An error is
// wrapped: return a [*tokenprovider.Error] of CodeForbidden to deny a token;
// one without a code counts as temporary. The zero Scope is all that the
// installation has, so a list that came out empty must not be nil: an empty one
// that isn't is refused.
type ScopePolicy func(ctx context.Context, workspaceID string) (installationID int64, s Scope, err error)

// WorkspaceMutator gives each workspace a token of the installation and the
// scope that a [ScopePolicy] allows it. It satisfies provisionhook's
// EnvMutator, WorkspaceTokenProvider and Releaser without importing that
// package. All methods are safe for concurrent use.
//
// Workspaces to which the policy gives the same share a token; nobody else gets
// it, no caller of [App.Installation] either. With [Options].Store each
// workspace has one of its own, which all replicas share, and two
// WorkspaceMutators of one app need different names. It has no method Token on
// purpose: no token is everybody's.
type WorkspaceMutator struct {
	injection injection
	app       *App
	policy    ScopePolicy
	owner     string // of the tokens, without Options.Store
	leases    leases
}

var (
	_ tokenprovider.StatusReporter = (*WorkspaceMutator)(nil)
	_ tokenprovider.Invalidator    = (*WorkspaceMutator)(nil)
)

// owners counts WorkspaceMutators, so that each has tokens of its own.
var owners atomic.Uint64

// NewWorkspaceMutator returns a WorkspaceMutator of a's tokens; nil opts mean
// the defaults. A nil a, a nil policy, and a name in opts.EnvNames that is none
// of a variable are errors.
func NewWorkspaceMutator(a *App, policy ScopePolicy, opts *MutatorOptions) (*WorkspaceMutator, error) {
	in := newInjection(opts)
	switch {
	case a == nil:
		return nil, errors.New("githubapp: NewWorkspaceMutator: the App is nil; make it with New")
	case policy == nil:
		return nil, errors.New("githubapp: NewWorkspaceMutator: the policy is nil; " +
			"it says what each workspace may have")
	}
	if err := in.validate(); err != nil {
		return nil, err
	}
	owner := strconv.FormatUint(owners.Add(1), 10)
	return &WorkspaceMutator{injection: in, app: a, policy: policy, owner: owner}, nil
}

// ownerFor returns who alone may use the workspace's token.
func (m *WorkspaceMutator) ownerFor(workspaceID string) string {
	if m.app.replicas == nil {
		return m.owner
	}
	return strconv.Quote(m.Name()) + strconv.Quote(workspaceID)
}

// Name returns [MutatorOptions].Name.
func (m *WorkspaceMutator) Name() string { return m.injection.name }

// MutateEnv sets the variables in env to the workspace's token. A nil env is an
// error, and so is a token that can't be had: env is untouched then.
func (m *WorkspaceMutator) MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	return m.injection.inject(env, func() (string, error) {
		token, _, err := m.WorkspaceToken(ctx, workspaceID)
		return token, err
	})
}

// WorkspaceToken returns a live token for that workspace and when it expires;
// see [Installation.Token] for errors.
func (m *WorkspaceMutator) WorkspaceToken(ctx context.Context, workspaceID string) (string, time.Time, error) {
	i, err := m.installation(ctx, workspaceID)
	if err != nil {
		return "", time.Time{}, err
	}
	m.leases.take(workspaceID, i)
	token, expiresAt, err := i.workspaceToken(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	t := issued{secret.New(token), expiresAt}
	if kept, orphaned := m.leases.issue(workspaceID, i, t); !kept {
		if orphaned {
			i.drop(ctx)
			if m.app.revoke(ctx, token) != nil {
				m.leases.keep(workspaceID, t)
			}
		}
		return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeForbidden,
			Err: fmt.Errorf("githubapp: workspace %q was released while its token was minted", workspaceID)}
	}
	return token, expiresAt, nil
}

// installation returns what the policy gives the workspace.
func (m *WorkspaceMutator) installation(ctx context.Context, workspaceID string) (*Installation, error) {
	if workspaceID == "" {
		return nil, invalidRequest("the workspace's id is empty")
	}
	id, scope, err := m.ask(ctx, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("githubapp: policy for workspace %q: %w", workspaceID, err)
	}
	i := m.app.installation(id, &asked{owner: m.ownerFor(workspaceID)}, scope)
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

// ReleaseWorkspace ends the workspace: what it was given is revoked, unless
// another workspace shares it. The policy isn't asked. A token that couldn't be
// revoked is tried again at the next call for that workspace, as long as it
// lives. A workspace that was never given anything is no error.
//
// With [Options].Store, what any replica gave the workspace is revoked. A token
// that another one is minting meanwhile is revoked by that one when it comes,
// and isn't handed out; who asked before the release gets nothing of a later
// mint either. A store that fails is an error of CodeUnavailable: it isn't
// known then what there is to revoke, so release the workspace again. What was
// minted while the store failed is known only to the replica that minted it,
// and lives until it expires unless that one gets the release.
func (m *WorkspaceMutator) ReleaseWorkspace(ctx context.Context, workspaceID string) error {
	var failures []error
	revoked := map[string]bool{}
	revoke := func(t issued) error {
		token := t.token.Reveal()
		if revoked[token] {
			return nil
		}
		err := m.app.revoke(ctx, token)
		revoked[token] = err == nil
		return err
	}
	tokens, ended := m.leases.end(workspaceID)
	if r := m.app.replicas; r != nil {
		if err := r.withdraw(ctx, m.ownerFor(workspaceID), revoke); err != nil {
			failures = append(failures, err)
			for _, i := range ended { // at least this replica takes none from the store any more
				i.drop(ctx)
			}
		}
	}
	for _, t := range tokens {
		if err := revoke(t); err != nil {
			failures = append(failures, err)
			m.leases.keep(workspaceID, t)
		}
	}
	return errors.Join(failures...)
}

// Invalidate drops token wherever it is held for a workspace that was handed it
// here, unless it is only seconds old; see [tokenprovider.Cache.Invalidate].
func (m *WorkspaceMutator) Invalidate(token string) bool {
	dropped := false
	for _, i := range m.leases.holders(token) { // each that is asked may look into a store
		if i.Invalidate(token) {
			dropped = true
		}
	}
	return dropped
}

// Status returns the worst of the workspaces', with the mints and failures of
// all; [tokenprovider.StateEmpty] without any.
func (m *WorkspaceMutator) Status() tokenprovider.Status {
	worst := tokenprovider.Status{State: tokenprovider.StateEmpty}
	var mints, failures uint64
	for _, i := range m.leases.installations() {
		s := i.Status()
		mints += s.Mints
		failures += s.Failures
		if s.State != worst.State && tokenprovider.Worst(s.State, worst.State) == s.State {
			worst = s
		}
	}
	worst.Name, worst.Mints, worst.Failures = m.Name(), mints, failures
	return worst
}

// String returns which mutator m is.
func (m *WorkspaceMutator) String() string {
	return "githubapp.WorkspaceMutator(" + m.injection.name + ")"
}

// Format prints [WorkspaceMutator.String] under every verb.
func (m *WorkspaceMutator) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
