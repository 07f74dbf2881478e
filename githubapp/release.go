package githubapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/ledger"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// ErrReleaseUncertain is what every [*ReleaseUncertainError] is, by
// [errors.Is].
var ErrReleaseUncertain = errors.New("githubapp: the workspace may have a token that isn't revoked")

// ReleaseUncertainError is the error of a release that couldn't tell whether
// the workspace still has a live token, because there was no record of the
// workspace: the Store lost it, or a process without a Store was restarted. At
// Until all tokens that it can have are dead, and another release returns nil.
type ReleaseUncertainError struct{ Until time.Time }

// Error returns the text for operators, with the time.
func (e *ReleaseUncertainError) Error() string {
	return fmt.Sprintf("%v; at %s it is dead in any case", ErrReleaseUncertain, e.Until.UTC().Format(time.RFC3339))
}

// Is reports whether target is [ErrReleaseUncertain].
func (e *ReleaseUncertainError) Is(target error) bool { return target == ErrReleaseUncertain }

// ReleaseWorkspace revokes all tokens of the workspace, whichever replica
// minted them. A token that is being minted for it is revoked when it arrives.
// Until its next MutateEnv the workspace gets no token. Before you call
// ReleaseWorkspace, make tokenhttp.Options.Admit, or that of the gateway,
// refuse the workspace.
//
// A nil error means that no token of the workspace is alive, if the Store lost
// no value that it had confirmed. Within some seconds after an outage of the
// Store there may be one: what was minted during the outage is recorded, or
// revoked, when a replica reaches the Store again.
//
// After an error call it again: it goes on where it stopped. A
// [*ReleaseUncertainError] says when another call will return nil; without a
// Store it can be returned for an hour after the process's start, since nobody
// knows what an earlier process gave. An error of CodeUnavailable can mean that
// the Store can't be reached. Any other [*tokenprovider.Error] is that of a
// token that couldn't be revoked.
//
// With [MutatorOptions].ShareTokens it does nothing and returns nil.
func (m *WorkspaceMutator) ReleaseWorkspace(ctx context.Context, workspaceID string) error {
	if workspaceID == "" {
		return invalidRequest("the workspace's id is empty")
	}
	if m.share {
		return nil
	}
	err := m.app.ledger.Release(ctx, m.onRecord(workspaceID))
	m.uses.end(workspaceID)
	if uncertain, ok := err.(*ledger.Uncertain); ok {
		return &ReleaseUncertainError{uncertain.Until}
	}
	if errors.Is(err, ledger.ErrAway) || errors.Is(err, ledger.ErrContended) {
		return &tokenprovider.Error{Code: tokenprovider.CodeUnavailable,
			Err: fmt.Errorf("githubapp: workspace %q isn't released: %w; release it again", workspaceID, err)}
	}
	return err
}
