package tokenprovider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/secret"
)

// Invalidate tells the provider that token was refused, and removes token from
// the store if it is stored there. It returns true if the provider believes the
// report or the token was removed. Of repeated calls for the same token only
// the first looks into the store. Where the store fails, this Shared still
// never takes the token invalidated last from it, nor stores it. The store gets
// 2 s.
func (s *Shared) Invalidate(token string) bool {
	below := Invalidate(s.provider, token)
	if token == "" || !s.noteInvalidated(token) {
		return below
	}
	removed, err := s.remove(context.Background(), func(sealed []byte) bool {
		stored, err := s.open(sealed)
		return err == nil && secret.Equal(stored.Token, token) // what can't be opened is no token
	})
	if err != nil {
		s.warn("invalidate", err)
	} else if removed {
		s.logger.Info("stored token invalidated", "key", s.key, "token_sha256", TokenSHA256(token))
	}
	return removed || below
}

// noteInvalidated notes that token is not to be taken from the store; it
// returns false when that is noted already.
func (s *Shared) noteInvalidated(token string) bool {
	sum := TokenSHA256(token) // no secret, so it needs no comparison in constant time
	last := s.invalidated.Swap(&sum)
	return last == nil || *last != sum
}

// wasInvalidated reports whether token is the one that was invalidated last.
func (s *Shared) wasInvalidated(token string) bool {
	last := s.invalidated.Load()
	return last != nil && *last == TokenSHA256(token)
}

// Drop removes the stored token, because it is known to be dead: it was
// revoked, or its owner was suspended. Even if the store fails, this Shared
// never again takes a token that was minted before, nor stores one that it is
// minting now. The error is the store's, after 2 s at most, or ctx's; after an
// error other replicas may still take the token, and so may this one if the
// clock of the replica that minted it is ahead.
//
// Call [Cache.Drop] of the Cache above afterwards, not before: it could load
// the token again.
func (s *Shared) Drop(ctx context.Context) error {
	s.droppedAt.Store(time.Now().UnixNano())
	s.drops.Add(1)
	return s.drop(ctx, func([]byte) bool { return true })
}

// DropBefore does what Drop does, but only with tokens that were minted at t or
// before it: for a caller that learns late that all of these are dead. A
// younger token stays, and so does one that is being minted.
func (s *Shared) DropBefore(ctx context.Context, t time.Time) error {
	for last := s.droppedAt.Load(); t.UnixNano() > last && !s.droppedAt.CompareAndSwap(last, t.UnixNano()); {
		last = s.droppedAt.Load()
	}
	return s.drop(ctx, func(sealed []byte) bool {
		stored, err := s.open(sealed)
		return err == nil && s.droppedAfter(stored.MintedAt)
	})
}

func (s *Shared) drop(ctx context.Context, unwanted func(sealed []byte) bool) error {
	if _, err := s.remove(ctx, unwanted); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("tokenprovider: removing the stored token of %q: %w", s.key, err)
	}
	return nil
}

// remove removes the stored value if it is unwanted, and reports whether it was.
func (s *Shared) remove(ctx context.Context, unwanted func(sealed []byte) bool) (bool, error) {
	return foreign.CallStore(ctx, storeTimeout, s.logger, func(ctx context.Context) (bool, error) {
		for range swapTries {
			sealed, err := s.store.Load(ctx, s.key)
			if err != nil || len(sealed) == 0 || !unwanted(sealed) {
				return false, err
			}
			if removed, err := s.store.Swap(ctx, s.key, sealed, nil, 0); removed || err != nil {
				return removed, err
			}
		}
		return false, errors.New("other replicas change it all the time")
	})
}

// swap is a Swap of the store that is done also when ctx is over.
func (s *Shared) swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	ctx = context.WithoutCancel(ctx)
	return foreign.CallStore(ctx, storeTimeout, s.logger, func(ctx context.Context) (bool, error) {
		return s.store.Swap(ctx, key, old, new, ttl)
	})
}

// droppedAfter reports whether a drop concerns what some replica minted at t: one
// after t, or within the same tick of the clock, which can be 15 ms long.
func (s *Shared) droppedAfter(t time.Time) bool { return t.UnixNano() <= s.droppedAt.Load() }

// warn logs that a call of the store failed. Its error is for operators; it
// must not hold what was stored.
func (s *Shared) warn(call string, err error) {
	s.logger.Warn("token store failed", "key", s.key, "call", call, "error", err)
}
