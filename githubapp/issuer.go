package githubapp

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/ledger"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// workspaceKey is what tells one workspace's token from another: a new life of
// the workspace has another generation, and the token of the old one isn't found
// any more.
type workspaceKey struct {
	workspace    string
	generation   string // "" where the Store couldn't be read yet
	installation *Installation
}

// issuer is the provider under the cache of one workspace's token: what is on
// record, by whichever replica, else a mint that is put on record.
type issuer struct {
	mutator *WorkspaceMutator
	workspaceKey
	delivered atomic.Pointer[issued]
}

// issued is when the token with that hash was minted.
type issued struct {
	token uint64
	at    time.Time
}

var (
	_ tokenprovider.TokenProvider = (*issuer)(nil)
	_ tokenprovider.Invalidator   = (*issuer)(nil)
	_ tokenprovider.DatedProvider = (*issuer)(nil)
)

// provider returns what the cache of key asks.
func (m *WorkspaceMutator) provider(key workspaceKey) tokenprovider.TokenProvider {
	return &issuer{mutator: m, workspaceKey: key}
}

// storedMinTTL is the life that a token on record needs to be taken, at most a
// third of its whole one: less would call for the next mint soon.
const storedMinTTL = 20 * time.Minute

// Token returns the token that is on record for the workspace, or a new one.
func (s *issuer) Token(ctx context.Context) (string, time.Time, error) {
	t, err := s.token(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	text := t.Value.Reveal()
	s.delivered.Store(&issued{shortHash(text), t.MintedAt})
	return text, t.ExpiresAt, nil
}

// MintedAt returns when some replica minted token, if Token returned it last.
func (s *issuer) MintedAt(token string) (time.Time, bool) {
	last := s.delivered.Load()
	if last == nil || last.token != shortHash(token) {
		return time.Time{}, false
	}
	return last.at, true
}

func (s *issuer) token(ctx context.Context) (ledger.Token, error) {
	t, enough, err := s.recorded(ctx)
	if err != nil || enough {
		return t, err
	}
	i, a, refused := s.installation, s.mutator.app, s.mutator.uses.refusedOf(s.workspaceKey)
	has := hasToken(s.mutator.caches.Get(s.workspaceKey))
	err = a.turn(ctx, i.id, i.asked.scope, has, func() (err error) {
		if t, enough, err = s.recorded(ctx); err != nil || enough {
			return err // another replica's, while this one waited
		}
		t, err = s.mint(ctx, refused)
		return err
	})
	if err != nil && !has {
		if t, _, unread := s.recorded(ctx); unread == nil && t.Value.Reveal() != "" {
			return t, nil // better than none
		}
	}
	return t, err
}

// Invalidate takes note that a report of token was believed, before the cache asks
// for another one: it isn't taken from the record any more, and is owed when it is
// replaced.
func (s *issuer) Invalidate(token string) bool {
	s.mutator.uses.refused(s.workspaceKey, tokenprovider.TokenSHA256(token))
	return false
}

// mint mints a token and puts it on record, before anybody has it.
func (s *issuer) mint(ctx context.Context, refused string) (ledger.Token, error) {
	m, i := s.mutator, s.installation
	minted, err := m.app.mint(ctx, i.id, i.asked.scope)
	m.uses.minted(err)
	if err != nil {
		return ledger.Token{}, err
	}
	i.granted.Store(minted.grant)
	t := ledger.Token{
		Value:     secret.New(minted.text),
		MintedAt:  time.Now().Round(0),
		ExpiresAt: minted.expiresAt,
		For:       s.purpose(),
	}
	if err := m.app.ledger.Issue(ctx, m.onRecord(s.workspace), s.generation, t, refused); err != nil {
		return ledger.Token{}, m.recordError(s.workspace, err)
	}
	return t, nil
}

// purpose returns what the token is for, in the ledger.
func (s *issuer) purpose() string {
	return fmt.Sprint(s.installation.id, " ", s.installation.asked.scope.key())
}

// subjectOf returns the installation of a token for that purpose.
func subjectOf(purpose string) string {
	text, _, _ := strings.Cut(purpose, " ")
	id, _ := strconv.ParseInt(text, 10, 64)
	return subject(id)
}

// recorded returns the token on record, and whether it has the life that ctx asks
// for; the zero one where there is none or the Store is away.
func (s *issuer) recorded(ctx context.Context) (t ledger.Token, enough bool, err error) {
	m := s.mutator
	life, err := m.app.ledger.Read(ctx, m.onRecord(s.workspace))
	switch {
	case err == ledger.ErrAway:
		return ledger.Token{}, false, nil
	case ledger.BeganAway(s.generation) && (err == ledger.ErrReleased || err == nil && life.Generation != s.generation):
		return ledger.Token{}, false, nil // that isn't on record yet: Issue says whether it ended
	case err == nil && s.generation != "" && life.Generation != s.generation:
		err = ledger.ErrReleased // and started again
	}
	if err != nil {
		return ledger.Token{}, false, m.recordError(s.workspace, err)
	}
	t, ok := life.Live(s.purpose(), m.app.facts.deadAt(s.installation.id))
	if !ok {
		return ledger.Token{}, false, nil
	}
	sum := tokenprovider.TokenSHA256(t.Value.Reveal())
	if sum == m.uses.refusedOf(s.workspaceKey) || m.app.ledger.WasRevoked(ctx, sum) {
		return ledger.Token{}, false, nil
	}
	return t, suffices(t, tokenprovider.MinTTL(ctx)), nil
}

// suffices reports whether a token on record has the life that is asked for, of
// which half of its whole one is the most.
func suffices(t ledger.Token, asked time.Duration) bool {
	life := t.ExpiresAt.Sub(t.MintedAt)
	need := max(min(storedMinTTL, life/3), min(asked, life/2))
	return time.Until(t.ExpiresAt) >= need
}
