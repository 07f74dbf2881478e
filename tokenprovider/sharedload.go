package tokenprovider

import (
	"context"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// load returns the stored token if it may be taken, else nil.
func (c *sharedCall) load(ctx context.Context) *storedToken {
	if c.failed || ctx.Err() != nil {
		return nil
	}
	load := func(ctx context.Context) ([]byte, error) { return c.store.Load(ctx, c.key) }
	sealed, err := foreign.CallStore(ctx, storeTimeoutIn(ctx), c.logger, load)
	if err != nil {
		c.fail(ctx, "load", err)
		return nil
	}
	if c.held, c.short = sealed, nil; len(sealed) == 0 {
		return nil
	}
	stored, err := c.open(sealed)
	now := time.Now().Round(0)
	if err == nil && stored.MintedAt.After(now.Add(maxAhead)) {
		err = fmt.Errorf("the token was minted %s in the future by this machine's clock",
			stored.MintedAt.Sub(now).Round(time.Second))
	}
	if err != nil {
		if !c.logged {
			c.logger.Warn("stored token can't be used", "key", c.key, "error", err)
			c.logged = true
		}
		return nil
	}
	if c.dead(stored) {
		return nil
	}
	if !c.suffices(stored, now) {
		c.short = stored
		return nil
	}
	c.logger.Debug("stored token taken", "key", c.key,
		"expires_at", stored.ExpiresAt, "token_sha256", TokenSHA256(stored.Token))
	return stored
}

// dead reports whether t is known to be.
func (c *sharedCall) dead(t *storedToken) bool {
	return c.wasInvalidated(t.Token) || c.droppedAfter(t.MintedAt)
}

// spare returns the stored token that has too little life left, for when there is
// no other one; nil when it is dead by now, or is what the Cache above holds, which
// asks for more life than that.
func (c *sharedCall) spare() *storedToken {
	t := c.short
	if t == nil || c.dead(t) || c.drops != c.Shared.drops.Load() {
		return nil
	}
	left := time.Until(t.ExpiresAt)
	if left <= 0 || !c.asked.wish && left < c.asked.ttl {
		return nil
	}
	return t
}

// suffices reports whether t has enough life left. One that was minted since
// the call began does whatever was asked for, as another one wouldn't have
// more.
func (c *sharedCall) suffices(t *storedToken, now time.Time) bool {
	if t.ExpiresAt.IsZero() {
		return true
	}
	life := t.ExpiresAt.Sub(t.MintedAt)
	left := t.ExpiresAt.Sub(now)
	need := max(min(c.minTTL, life/3), c.asked.of(life))
	return left > 0 && (left >= need || !t.MintedAt.Before(c.began))
}
