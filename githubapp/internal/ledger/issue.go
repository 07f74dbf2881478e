package ledger

import (
	"cmp"
	"context"
	"crypto/rand"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Issue records a token that was minted for that life of the workspace, before
// it is handed out. With "" as generation, where that couldn't be read, it is
// the life that runs. The token whose SHA-256 is refused, which this one
// replaces, is owed from then on; "" is none.
//
// A nil error means that the token may be handed out: it is on record, or kept
// as unrecorded while the Store can't be reached. After an error it was revoked,
// as far as that could be done, and nobody has it. The error is [ErrReleased],
// [ErrLost], or one of Begin's but [ErrAway].
func (l *Ledger) Issue(ctx context.Context, workspace, generation string, t Token, refused string) error {
	key := l.config.Key("workspace", workspace)
	u := unrecorded{generation, entry{t.Value.Reveal(), t.MintedAt, t.ExpiresAt, t.For, false}}
	err := l.record(ctx, key, u, refused, false)
	if err == ErrAway {
		l.keep(key, u)
		return nil
	}
	if err != nil {
		ctx := context.WithoutCancel(ctx)
		if err != ErrReleased && err != ErrLost {
			l.Revoked(ctx, tokenprovider.TokenSHA256(u.Token)) // it may be on record, as a live one
		}
		if failed := l.config.Revoke(ctx, u.Token, u.For); failed != nil {
			l.config.Logger.Warn("token that wasn't handed out couldn't be revoked",
				"token_sha256", tokenprovider.TokenSHA256(u.Token), "expires_at", u.ExpiresAt, "error", failed)
		}
	}
	return err
}

// record swaps a token into the record. One that was handed out already goes
// into a new record where the old one was lost.
func (l *Ledger) record(ctx context.Context, key string, u unrecorded, refused string, handedOut bool) error {
	_, err := l.change(ctx, key, func(r *record) (*record, error) {
		switch {
		case r == nil && u.generation != "" && !handedOut && !BeganAway(u.generation):
			return nil, ErrLost
		case r == nil:
			r = &record{Generation: cmp.Or(u.generation, rand.Text()), Dated: l.dated()}
		case r.ended(u.generation):
			return nil, ErrReleased
		case r.has(u.Token):
			same := *r // an answer was lost, or the Store wasn't sure: it is swapped in again
			return &same, nil
		case r.Released:
			r = r.begun(u.generation)
		}
		return r.with(u.entry).owing(refused), nil
	})
	return err
}
