package githubapp

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// source is an Installation as its cache sees it: with Options.Store the stored
// token, else a mint.
type source Installation

var (
	_ tokenprovider.TokenProvider = (*source)(nil)
	_ tokenprovider.Invalidator   = (*source)(nil)
)

// shared shares an installation's token with other replicas.
type shared struct {
	*tokenprovider.Shared
	deadSeen atomic.Int64 // [facts.deadAt] when the stored token was dropped for it
}

// newShared returns what shares i's tokens with other replicas, nil without
// Options.Store.
func (a *App) newShared(i *Installation) *shared {
	if a.store == nil {
		return nil
	}
	mint := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) { return (*source)(i).mint(ctx) })
	// An error would be about the keys, which Options have been checked for.
	s, _ := tokenprovider.NewShared(mint, a.store, tokenprovider.SharedOptions{
		Key:      a.storeKey("token", strconv.FormatInt(i.id, 10), i.asked.scope.key()),
		SealKeys: a.sealKeys,
		Logger:   a.log,
	})
	return &shared{Shared: s}
}

// Token returns the stored token, or a new one when it is i's turn. One that was
// revoked isn't taken from the Store, and not served on when no other can be had.
func (s *source) Token(ctx context.Context) (string, time.Time, error) {
	text, expiresAt, err := s.token(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	s.latest.Store(shortHash(text))
	return text, expiresAt, nil
}

func (s *source) token(ctx context.Context) (text string, expiresAt time.Time, err error) {
	i, a := (*Installation)(s), s.app
	if i.shared != nil {
		i.dropDead(ctx)
		if text, expiresAt, ok := i.shared.Stored(ctx); ok && !i.wasRevoked(ctx, text) {
			return text, expiresAt, nil
		}
	}
	err = a.turn(ctx, i.id, i.asked.scope, hasToken(i.cache.Load()), func() (err error) {
		if i.shared == nil {
			text, expiresAt, err = s.mint(ctx)
			return err
		}
		for range 2 {
			if text, expiresAt, err = i.shared.Token(ctx); err != nil || !i.wasRevoked(ctx, text) {
				return err
			}
			_ = i.shared.Drop(ctx)
		}
		return &tokenprovider.Error{Code: tokenprovider.CodeUnavailable,
			Err: errors.New("githubapp: what is in the Store was revoked")}
	})
	if err != nil {
		i.dropRevoked(ctx)
		if text, expiresAt, ok := s.spare(ctx); ok {
			return text, expiresAt, nil
		}
	}
	return text, expiresAt, err
}

// hasToken reports whether c has a token that it serves while there is no other.
func hasToken(c *tokenprovider.Cache) bool { return c.Status().TokenSHA256 != "" }

// spare returns the stored token whatever life it has, where none is held and no
// other one can be had.
func (s *source) spare(ctx context.Context) (text string, expiresAt time.Time, ok bool) {
	i := (*Installation)(s)
	if i.shared == nil || ctx.Err() != nil {
		return "", time.Time{}, false
	}
	text, expiresAt, _ = i.shared.Stored(ctx)
	return text, expiresAt, text != "" && !i.wasRevoked(ctx, text)
}

// wasRevoked reports whether a token was revoked, by any replica.
func (i *Installation) wasRevoked(ctx context.Context, token string) bool {
	return i.app.ledger.WasRevoked(ctx, tokenprovider.TokenSHA256(token))
}

// Unwrap lets the cache ask the [tokenprovider.Shared], if there is one, since
// when there is a token.
func (s *source) Unwrap() tokenprovider.TokenProvider {
	if s.shared == nil {
		return nil
	}
	return s.shared.Shared
}

// mint mints a token of i's.
func (s *source) mint(ctx context.Context) (string, time.Time, error) {
	t, err := s.app.mint(ctx, s.id, s.asked.scope)
	if err != nil {
		return "", time.Time{}, err
	}
	s.granted.Store(t.grant)
	return t.text, t.expiresAt, nil
}

// Invalidate takes a token out of the Store of which a report was believed.
func (s *source) Invalidate(token string) bool {
	return s.shared != nil && s.shared.Invalidate(token)
}

// drop forgets i's token at any age, in the Store too. A Store that fails is
// logged there: other replicas may go on with the token until they learn from
// GitHub that it is dead.
func (i *Installation) drop(ctx context.Context) {
	if i.shared != nil {
		_ = i.shared.Drop(context.WithoutCancel(ctx))
	}
	i.cache.Load().Drop()
}

// dropDead forgets what was stored before all tokens of the installation died,
// if this one wasn't in use then. What another replica has minted since stays.
func (i *Installation) dropDead(ctx context.Context) {
	deadAt := i.app.facts.deadAt(i.id)
	at := deadAt.UnixNano()
	if seen := i.shared.deadSeen.Load(); at > seen && i.shared.deadSeen.CompareAndSwap(seen, at) {
		_ = i.shared.DropBefore(ctx, deadAt)
	}
}

// dropRevoked forgets the token that is held if it was revoked by another
// replica.
func (i *Installation) dropRevoked(ctx context.Context) bool {
	c := i.cache.Load()
	sum := c.Status().TokenSHA256
	revoked := sum != "" && i.app.ledger.WasRevoked(ctx, sum)
	if revoked {
		c.Drop()
	}
	return revoked
}
