package tokenprovider

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/sleep"
)

// sharedCall is one call of [Shared.Token].
type sharedCall struct {
	*Shared
	began time.Time // wall time
	drops int64     // [Shared.drops] when it began
	asked minLife
	own   []byte // the value that the lock has while it is this call's

	held   []byte       // the value in the store, as it was loaded last
	short  *storedToken // that value, where it may be taken but for its life
	locked bool         // the lock may be this call's
	failed bool         // the store failed: go on without what it has
	hung   bool         // it gave no answer: don't wait for it again
	logged bool         // that the stored value is of no use
}

const (
	// noExpiryTTL is how long a token without a known expiry stays in a store,
	// where nothing may stay for ever.
	noExpiryTTL = 24 * time.Hour

	// maxAhead is how far in the future a token may have been minted: the
	// clocks of replicas differ a little.
	maxAhead = time.Minute

	// lockSuffix makes the key of the lock.
	lockSuffix = "/lock"

	// swapTries bounds how often a token is swapped in where others swap theirs.
	swapTries = 3

	// Between two looks for the token of whoever has the lock.
	firstPoll   = 25 * time.Millisecond
	longestPoll = 250 * time.Millisecond
)

// compete waits until it has the lock (a token may be stored all the same), or
// another replica's token. It returns nil when there is nothing to wait for: it
// has the lock, the store fails, the lock's time is over, or the caller has
// left.
func (c *sharedCall) compete(ctx context.Context) *storedToken {
	most := c.lockTTL
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(deadline)*2/3) // the rest is for a mint of its own
	}
	over := time.Now().Add(most)
	for wait := firstPoll; !c.failed && ctx.Err() == nil; wait = min(wait*3/2, longestPoll) {
		if c.lock(ctx) {
			return c.load(ctx) // another replica may have stored one since the last look
		}
		left := time.Until(over)
		if c.failed || left <= 0 {
			break
		}
		sleep.For(ctx, min(wait-rand.N(wait/4), left))
		if stored := c.load(ctx); stored != nil {
			return stored
		}
	}
	return nil
}

// lock takes the lock if nobody has it. After an error it may be taken, or may
// be yet.
func (c *sharedCall) lock(ctx context.Context) bool {
	taken, err := foreign.CallStore(ctx, storeTimeoutIn(ctx), c.logger, func(ctx context.Context) (bool, error) {
		taken, err := c.store.Swap(ctx, c.key+lockSuffix, nil, c.own, c.lockTTL)
		if taken && ctx.Err() != nil { // nobody waits for it any more
			c.unlock(ctx)
			return false, ctx.Err()
		}
		return taken, err
	})
	c.locked = taken || err != nil
	if err != nil {
		c.fail(ctx, "lock", err)
	}
	return taken
}

func (c *sharedCall) unlock(ctx context.Context) {
	if _, err := c.swap(ctx, c.key+lockSuffix, c.own, nil, 0); err != nil {
		c.warn("unlock", err)
	}
}

// mint asks the provider.
func (c *sharedCall) mint(ctx context.Context) (minted *storedToken, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("tokenprovider: waiting for a token: %w", err)
	}
	err = foreign.Do("the provider", func() error {
		requested := time.Now()
		token, expiresAt, err := c.provider.Token(WithRepository(ctx, "")) // it is for all
		now := time.Now()
		if err == nil {
			err = validate(token, expiresAt, requested, now)
		}
		minted = &storedToken{Token: token, ExpiresAt: expiresAt, MintedAt: now}
		return err
	})
	if err != nil {
		return nil, withoutDefect(err, c.logger, "key", c.key)
	}
	return minted, nil
}

// finish stores minted, if it isn't nil, and then gives up the lock. It returns
// the token to hand out. Both are detached from the caller, who may have left or
// have little time: a lock that isn't given up costs the others LockTTL.
func (c *sharedCall) finish(ctx context.Context, minted *storedToken) *storedToken {
	if minted == nil && !c.locked {
		return nil
	}
	patience := storeTimeoutIn(ctx)
	if c.hung {
		patience = 0
	}
	stored := make(chan *storedToken, 1)
	go func() {
		t := c.save(ctx, minted)
		if c.locked {
			c.unlock(ctx)
		}
		stored <- t
	}()
	over := time.NewTimer(patience)
	defer over.Stop()
	select {
	case t := <-stored:
		return t
	case <-over.C:
	case <-ctx.Done():
	}
	return minted
}

// save swaps t in, unless it is nil, or was dropped or invalidated meanwhile. It
// returns the token to hand out: t, or the one of another replica that came
// before it and has enough life, so that all have the same.
func (c *sharedCall) save(ctx context.Context, t *storedToken) *storedToken {
	if t == nil || c.drops != c.Shared.drops.Load() || c.wasInvalidated(t.Token) {
		return t
	}
	ttl := noExpiryTTL
	if !t.ExpiresAt.IsZero() {
		ttl = max(1, t.ExpiresAt.Sub(time.Now().Round(0))) // 0 would be no expiry
	}
	sealed, err := c.seal(t)
	for n := 0; n < swapTries && err == nil; n++ {
		var swapped bool
		swapped, err = c.swap(ctx, c.key, c.held, sealed, ttl)
		if swapped && c.drops != c.Shared.drops.Load() {
			_, err = c.swap(ctx, c.key, sealed, nil, 0)
		}
		if swapped {
			break
		}
		if others := c.load(context.WithoutCancel(ctx)); others != nil {
			return others
		}
	}
	if err != nil {
		c.warn("save", err)
	}
	return t
}

// fail takes note that the store failed. That the caller left isn't its fault.
func (c *sharedCall) fail(ctx context.Context, call string, err error) {
	c.failed, c.hung = true, err == foreign.ErrNoAnswer
	if ctx.Err() == nil {
		c.warn(call, err)
	}
}
