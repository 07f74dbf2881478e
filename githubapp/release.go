package githubapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/ledger"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// ErrReleaseUncertain is what a [*ReleaseUncertainError] is.
var ErrReleaseUncertain = errors.New("githubapp: the workspace may have a token that isn't revoked")

// ReleaseUncertainError is the error of a release of which it isn't known whether
// the workspace has a token still: there was no record of it, since the Store or
// this process lost it. At Until all that it can have is dead, and the release
// that is called then again returns nil.
type ReleaseUncertainError struct{ Until time.Time }

// Error says until when.
func (e *ReleaseUncertainError) Error() string {
	return fmt.Sprintf("%v; at %s it is dead in any case", ErrReleaseUncertain, e.Until.UTC().Format(time.RFC3339))
}

// Is reports whether target is [ErrReleaseUncertain].
func (e *ReleaseUncertainError) Is(target error) bool { return target == ErrReleaseUncertain }

// ReleaseWorkspace ends the workspace: all that it was given is revoked, by
// whichever replica it was, what is being minted for it is revoked when it comes,
// and until its next MutateEnv it gets nothing. The policy isn't asked. Have
// Options.Admit of the endpoint refuse the workspace before.
//
// A nil error means that nothing that the workspace was given lives. It
// presupposes a Store that forgets nothing that it has answered, and after an
// outage of the Store it can come some seconds early: what was minted meanwhile
// is put on record, or revoked, when the Store answers again.
//
// After an error call it again: it goes on where it stopped. A
// [*ReleaseUncertainError] says from when on that will return nil; without a
// Store it comes within an hour of the process's start, as what an earlier
// process gave isn't known. CodeUnavailable means that the Store can't be
// reached, another [*tokenprovider.Error] that a token couldn't be revoked.
//
// With [MutatorOptions].ShareTokens nothing is revoked, and the error is nil.
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
