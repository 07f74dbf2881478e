package githubapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"weak"

	"github.com/molecule-ai/provisionkit/githubapp/internal/ledger"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// WorkspaceMutator is a plugin that gives each workspace a token of its own, of
// the installation and with the scope that a [ScopePolicy] allows. It satisfies
// provisionhook's EnvMutator, WorkspaceTokenProvider and Releaser without
// importing that package. All methods are safe for concurrent use.
//
// It records the tokens of each workspace, in [Options].Store or in memory, so
// that [WorkspaceMutator.ReleaseWorkspace] can revoke them; with
// [MutatorOptions].ShareTokens it records and revokes none. Two
// WorkspaceMutators of one app need different names, and two platforms with one
// Store need different prefixes there.
type WorkspaceMutator struct {
	injection injection
	app       *App
	policy    ScopePolicy
	share     bool
	caches    *tokenprovider.Keyed[workspaceKey]
	uses      uses
}

var (
	_ tokenprovider.StatusReporter = (*WorkspaceMutator)(nil)
	_ tokenprovider.Invalidator    = (*WorkspaceMutator)(nil)
	_ tokenprovider.UsageReporter  = (*WorkspaceMutator)(nil)
)

// NewWorkspaceMutator returns a [WorkspaceMutator] of a's tokens; nil opts mean
// the defaults. It returns an error if a or policy is nil, or if a name in
// opts.EnvNames can't be that of a variable.
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
	m := &WorkspaceMutator{injection: in, app: a, policy: policy, share: opts != nil && opts.ShareTokens}
	timing := a.timing
	timing.Name = cmp.Or(timing.Name, "workspaces of "+m.Name())
	m.caches = tokenprovider.NewKeyed(m.provider, &timing)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mutators = slices.DeleteFunc(a.mutators, func(w weak.Pointer[WorkspaceMutator]) bool { return w.Value() == nil })
	a.mutators = append(a.mutators, weak.Make(m))
	return m, nil
}

// Name returns [MutatorOptions].Name.
func (m *WorkspaceMutator) Name() string { return m.injection.name }

// MutateEnv records that the workspace starts, so that it may have tokens, also
// after a release. It sets the variables of [MutatorOptions].EnvNames in env to
// the workspace's token, and asks for one with at least half an hour to live.
// It returns an error, and leaves env unchanged, if env is nil or no token can
// be had. If there is nothing to set, it needs no token, unless the Store can't
// be reached.
func (m *WorkspaceMutator) MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	begun := m.share // without a record there is nothing to begin
	err := m.injection.inject(env, m.app, func() (string, error) {
		begun = true
		token, _, err := m.token(longLived(ctx), workspaceID, m.app.ledger.Begin)
		return token, err
	})
	if begun || err != nil {
		return err
	}
	return m.begin(ctx, workspaceID)
}

// begin begins a life of a workspace into which nothing is injected.
func (m *WorkspaceMutator) begin(ctx context.Context, workspaceID string) error {
	if workspaceID == "" {
		return invalidRequest("the workspace's id is empty")
	}
	switch _, err := m.app.ledger.Begin(ctx, m.onRecord(workspaceID)); err {
	case nil:
		return nil
	case ledger.ErrAway: // only with a token is the life put on record later
		_, _, err := m.token(ctx, workspaceID, m.app.ledger.Begin)
		return err
	default:
		return m.recordError(workspaceID, err)
	}
}

// WorkspaceToken returns a live token for that workspace and when it expires.
// For errors see [Installation.Token]; the error is also of CodeForbidden if
// the workspace was released and not started since.
func (m *WorkspaceMutator) WorkspaceToken(ctx context.Context, workspaceID string) (string, time.Time, error) {
	return m.token(ctx, workspaceID, m.app.ledger.Read)
}

// token returns a token of the workspace's life that open finds on record.
func (m *WorkspaceMutator) token(ctx context.Context, workspaceID string,
	open func(context.Context, string) (ledger.Life, error)) (string, time.Time, error) {
	i, err := m.installation(ctx, workspaceID)
	if err != nil {
		return "", time.Time{}, err
	}
	if m.share {
		i.ready()
		token, expiresAt, err := i.Token(ctx)
		m.uses.note(installationUse(i), i.cache.Load(), token, err)
		return token, expiresAt, err
	}
	key := workspaceKey{workspace: workspaceID, installation: i}
	life, away := open(ctx, m.onRecord(workspaceID))
	switch away {
	case nil:
		key.generation = life.Generation
	case ledger.ErrAway:
		key.generation = cmp.Or(life.Generation, m.uses.generation(workspaceID))
	default:
		err := m.recordError(workspaceID, away)
		if away != ledger.ErrReleased {
			key.generation = m.uses.generation(workspaceID)
			m.uses.note(key, m.caches.Get(key), "", err)
		}
		return "", time.Time{}, err
	}
	c := m.caches.Get(key)
	token, expiresAt, err := c.Token(ctx)
	if err == nil && away == nil && !life.Gave(token) {
		// It came after the look at the record, or another replica revoked it.
		if now, err := m.app.ledger.Read(ctx, m.onRecord(workspaceID)); err == nil && !now.Gave(token) {
			c.Drop()
		}
		token, expiresAt, err = c.Token(ctx)
	}
	if replaced := m.uses.note(key, c, token, err); replaced != "" {
		// It is owed from now on: a failure leaves it so, and so does a caller who
		// can't wait.
		if m.app.ledger.Settle(ctx, m.onRecord(workspaceID), replaced) == ledger.ErrAway {
			m.uses.refused(key, replaced)
		}
	}
	return token, expiresAt, err
}

// onRecord returns what the workspace is called in the ledger.
func (m *WorkspaceMutator) onRecord(workspaceID string) string {
	return strconv.Quote(m.Name()) + strconv.Quote(workspaceID)
}

// recordError returns an error of the ledger's as callers see it.
func (m *WorkspaceMutator) recordError(workspaceID string, err error) error {
	code := tokenprovider.CodeUnavailable
	switch err {
	case ledger.ErrReleased:
		code = tokenprovider.CodeForbidden
	case ledger.ErrSealed:
		code = tokenprovider.CodeInternal
	}
	return &tokenprovider.Error{Code: code, Err: fmt.Errorf("githubapp: workspace %q: %w", workspaceID, err)}
}

// Invalidate takes a report that token, which m gave a workspace, was refused,
// and returns whether it is believed; see [tokenprovider.Cache.Invalidate]. The
// token is revoked once it is replaced, unless workspaces share it.
func (m *WorkspaceMutator) Invalidate(token string) bool {
	u, c := m.uses.holder(token)
	if c == nil {
		return false
	}
	if m.share {
		return u.installation.Invalidate(token)
	}
	return c.Invalidate(token)
}

// Status returns the worst state of the workspaces' tokens
// ([tokenprovider.StateEmpty] if there are none), how many of them are failing,
// the last error, and the mints and failures since the process's start. A token
// counts until its workspace is released, or hasn't asked for it for an hour.
func (m *WorkspaceMutator) Status() tokenprovider.Status {
	s := m.uses.status()
	s.Name = m.Name()
	return s
}

// drop drops the tokens of those installations, at any age.
func (m *WorkspaceMutator) drop(dead func(*Installation) bool) {
	for _, c := range m.uses.caches(func(k workspaceKey) bool { return dead(k.installation) }) {
		c.Drop()
	}
}

// retry lets the next caller of those installations try to mint.
func (m *WorkspaceMutator) retry(its func(*Installation) bool) {
	for _, c := range m.uses.caches(func(k workspaceKey) bool { return its(k.installation) }) {
		c.EndBackoff()
	}
}

// dropToken drops token, at any age.
func (m *WorkspaceMutator) dropToken(token string) {
	if _, c := m.uses.holder(token); c != nil {
		c.Drop()
	}
}

// String returns the mutator's name as text.
func (m *WorkspaceMutator) String() string {
	return "githubapp.WorkspaceMutator(" + m.injection.name + ")"
}

// Format prints [WorkspaceMutator.String] under every verb.
func (m *WorkspaceMutator) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
