package tokenprovider

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// unlockFunc gives up a lock of a [Store].
type unlockFunc = func(context.Context) error

// sharedCall is one call of [Shared.Token].
type sharedCall struct {
	*Shared
	began time.Time     // wall time
	asked time.Duration // the life that the caller asks for

	failed bool // the store failed: go on without what it has
	hung   bool // it gave no answer: don't wait for it again
	logged bool // that the stored value is of no use
}

const (
	// noExpiryTTL is how long a token without a known expiry stays in a store,
	// where nothing may stay for ever.
	noExpiryTTL = 24 * time.Hour

	// maxAhead is how far in the future a token may have been minted: the
	// clocks of replicas differ a little.
	maxAhead = time.Minute

	// Between two looks for the token of whoever has the lock.
	firstPoll   = 25 * time.Millisecond
	longestPoll = 250 * time.Millisecond
)

// load returns the stored token if it may be taken, else nil.
func (c *sharedCall) load(ctx context.Context) *storedToken {
	if c.failed || ctx.Err() != nil {
		return nil
	}
	load := func(ctx context.Context) ([]byte, error) { return c.store.Load(ctx, c.key) }
	sealed, err := callStore(ctx, storeTimeoutIn(ctx), c.logger, load)
	if err != nil {
		c.fail(ctx, "load", err)
		return nil
	}
	if sealed == nil {
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
	dead := c.wasInvalidated(stored.Token) || c.droppedSince(stored.MintedAt)
	if dead || !c.suffices(stored, now) {
		return nil
	}
	c.logger.Debug("stored token taken", "key", c.key,
		"expires_at", stored.ExpiresAt, "token_sha256", TokenSHA256(stored.Token))
	return stored
}

// suffices reports whether t has enough life left. One that was minted since
// the call began does whatever was asked for, as another one wouldn't have
// more.
func (c *sharedCall) suffices(t *storedToken, now time.Time) bool {
	if t.ExpiresAt.IsZero() {
		return true
	}
	life := t.ExpiresAt.Sub(t.MintedAt)
	left := min(t.ExpiresAt.Sub(now), life) // less than life, unless a clock was set back
	need := max(min(c.minTTL, life/3), c.asked)
	return left > 0 && (left >= need || !t.MintedAt.Before(c.began))
}

// compete waits until it has the lock (a token may be stored all the same), or
// another replica's token. It returns neither when there is nothing to wait
// for: the store fails, the lock's time is over, or the caller has left.
func (c *sharedCall) compete(ctx context.Context) (stored *storedToken, unlock unlockFunc) {
	most := c.lockTTL
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(deadline)*2/3) // the rest is for a mint of its own
	}
	over := time.Now().Add(most)
	for wait := firstPoll; !c.failed && ctx.Err() == nil; wait = min(wait*3/2, longestPoll) {
		if unlock := c.tryLock(ctx); unlock != nil {
			return c.load(ctx), unlock // another replica may have saved since the last look
		}
		left := time.Until(over)
		if c.failed || left <= 0 {
			break
		}
		sleep(ctx, min(wait-rand.N(wait/4), left))
		if stored := c.load(ctx); stored != nil {
			return stored, nil
		}
	}
	return nil, nil
}

// tryLock takes the lock and returns what gives it up; nil when it wasn't to be
// had.
func (c *sharedCall) tryLock(ctx context.Context) (unlock unlockFunc) {
	timeout := storeTimeoutIn(ctx)
	unlock, err := callStore(ctx, timeout, c.logger, func(ctx context.Context) (unlockFunc, error) {
		unlock, ok, err := c.store.TryLock(ctx, c.key, c.lockTTL)
		if err != nil || !ok {
			return nil, err
		}
		if unlock == nil {
			unlock = func(context.Context) error { return nil }
		}
		if ctx.Err() != nil { // nobody waits for it any more
			c.unlock(ctx, unlock)
			return nil, ctx.Err()
		}
		return unlock, nil
	})
	if err != nil {
		c.fail(ctx, "lock", err)
	}
	return unlock
}

// mint asks the provider. Whatever that does, what it delivers is stored, and
// then the lock is given up.
func (c *sharedCall) mint(ctx context.Context, unlock unlockFunc) (*storedToken, error) {
	var minted *storedToken
	defer func() { c.finish(ctx, minted, unlock) }()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("tokenprovider: waiting for a token: %w", err)
	}
	err := foreign.Do("the provider", func() error {
		requested := time.Now()
		token, expiresAt, err := c.provider.Token(ctx)
		now := time.Now()
		if err == nil {
			err = validate(token, expiresAt, requested, now)
		}
		if err == nil {
			minted = &storedToken{Token: token, ExpiresAt: expiresAt, MintedAt: now}
		}
		return err
	})
	if err != nil {
		return nil, withoutDefect(err, c.logger, "key", c.key)
	}
	return minted, nil
}

// finish saves minted, if it isn't nil, and then unlocks, if that isn't nil.
// Both are detached from the caller, who may have left or have little time: a
// lock that isn't given up costs the others LockTTL.
func (c *sharedCall) finish(ctx context.Context, minted *storedToken, unlock unlockFunc) {
	if minted == nil && unlock == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if minted != nil {
			c.save(ctx, minted)
		}
		if unlock != nil {
			c.unlock(ctx, unlock)
		}
	}()
	if c.hung {
		return
	}
	over := time.NewTimer(storeTimeoutIn(ctx))
	defer over.Stop()
	select {
	case <-done:
	case <-over.C:
	case <-ctx.Done():
	}
}

// save stores t, unless it was dropped or invalidated meanwhile.
func (c *sharedCall) save(ctx context.Context, t *storedToken) {
	ttl := noExpiryTTL
	if !t.ExpiresAt.IsZero() {
		ttl = t.ExpiresAt.Sub(time.Now().Round(0))
	}
	if ttl <= 0 || c.droppedSince(c.began) || c.wasInvalidated(t.Token) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	_, err := callStore(ctx, storeTimeout, c.logger, func(ctx context.Context) (struct{}, error) {
		sealed, err := c.seal(t)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, c.store.Save(ctx, c.key, sealed, ttl)
	})
	if err != nil {
		c.warn("save", err)
	}
	if c.droppedSince(c.began) {
		if err := c.remove(ctx); err != nil {
			c.warn("delete", err)
		}
	}
}

func (c *sharedCall) unlock(ctx context.Context, unlock unlockFunc) {
	ctx = context.WithoutCancel(ctx)
	_, err := callStore(ctx, storeTimeout, c.logger, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, unlock(ctx)
	})
	if err != nil {
		c.warn("unlock", err)
	}
}

// fail takes note that the store failed. That the caller left isn't its fault.
func (c *sharedCall) fail(ctx context.Context, call string, err error) {
	c.failed, c.hung = true, err == foreign.ErrNoAnswer
	if ctx.Err() == nil {
		c.warn(call, err)
	}
}

// sleep returns after d or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
