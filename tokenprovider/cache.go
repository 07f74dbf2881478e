package tokenprovider

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/sleep"
)

// Cache holds a token of its provider and replaces it ahead of its expiry. Make
// it with [NewCache]; it must not be copied. All methods are safe for
// concurrent use.
//
// One goroutine at a time asks the provider: when a caller wants a token and
// none is held, and in the background when the held one nears its expiry. After
// a failure nobody asks until the back-off is over. A call that outlasts
// [CacheOptions].MintTimeout is left behind, and its answer is thrown away.
type Cache struct {
	state    atomic.Pointer[state]
	waiting  atomic.Int64 // callers that wait for a refresh
	provider TokenProvider
	opts     *settings
	number   uint64 // among those that share opts, and so opts.flights
}

var (
	_ TokenProvider  = (*Cache)(nil)
	_ Invalidator    = (*Cache)(nil)
	_ StatusReporter = (*Cache)(nil)
)

// NewCache returns a Cache over p; nil opts mean the defaults. With a nil p
// each call of Token returns [ErrNotConfigured].
func NewCache(p TokenProvider, opts *CacheOptions) *Cache {
	return newCache(p, opts.settings(), 0)
}

func newCache(p TokenProvider, opts *settings, number uint64) *Cache {
	if p == nil {
		p = failing(errorf(CodeNotConfigured, "the cache has no provider"))
	}
	c := &Cache{provider: p, opts: opts, number: number}
	c.state.Store(&state{})
	return c
}

// failing returns a provider whose every answer is err.
func failing(err error) TokenProvider {
	return Func(func(context.Context) (string, time.Time, error) { return "", time.Time{}, err })
}

// Token returns the token that is held. When none is held, when it is suspect
// (see [Cache.Invalidate]), or when it has less than [CacheOptions].MinTTL
// left, Token waits for a new one: at most until ctx ends, and at most 3 s
// while the held token lives, which is then the answer. It returns the error of
// the last try, at once while a back-off lasts, or ctx's error.
func (c *Cache) Token(ctx context.Context) (string, time.Time, error) {
	if l := c.state.Load().held; l != nil && l.fresh(time.Now()) {
		return l.token, l.expiresAt, nil
	}
	return c.tokenDue(ctx)
}

// tokenDue does what Token does when something is due: to serve a token that
// has settled, to refresh, to wait for that.
func (c *Cache) tokenDue(ctx context.Context) (string, time.Time, error) {
	var maxWaitOver *time.Timer
	waited := false // for a refresh: what is live is good enough after one
	dead := 0       // tokens in a row that died before this caller saw them
	for {
		now := time.Now()
		s := c.promote(now)
		l := s.held
		live := l.live(now)
		if waited && l != nil && !live {
			dead, waited = dead+1, false
		}
		switch {
		case live:
			enough := l.suffices(now, MinTTL(ctx))
			if enough && !s.refreshing && s.mayRefresh(now) && l.due(now) {
				c.refresh(ctx, s)
			}
			if enough || waited || !s.mayRefresh(now) || ctx.Err() != nil {
				return l.token, l.expiresAt, nil
			}
		case s.failure != nil && s.backsOff(now):
			return "", time.Time{}, s.failure.err
		case ctx.Err() != nil:
			return "", time.Time{}, fmt.Errorf("tokenprovider: waiting for a token: %w", ctx.Err())
		case dead == maxDeadMints:
			return "", time.Time{}, errorf(CodeUnavailable,
				"the provider's tokens die before they can be handed out")
		case s.pause(now) > 0:
			sleep.For(ctx, s.pause(now))
			continue
		}

		var over <-chan time.Time
		if live {
			if maxWaitOver == nil {
				maxWaitOver = time.NewTimer(maxWait)
				defer maxWaitOver.Stop()
			}
			over = maxWaitOver.C
		}
		c.waiting.Add(1)
		select {
		case r := <-c.refresh(ctx, s):
			waited = r.Val.(bool)
		case <-over:
			waited = true
		case <-ctx.Done():
		}
		c.waiting.Add(-1)
	}
}

// Invalidate takes a report that a forge refused token, and returns whether the
// report is believed. That needs three things: token is the one held; it is
// older than [CacheOptions].Settle, since a forge may refuse a token that is
// seconds old; and no report was believed in the last 5 minutes (or in a
// twelfth of the token's life, if that is shorter), so that a flood of refusals
// doesn't become a flood of mints. The age of a token that a [Shared] took from
// its store counts from its mint by another replica.
//
// A report is a claim, not a fact. A token with a believed report is suspect:
// the next caller waits for another token, at most 3 s, and while none can be
// had the suspect one is served for as long as it lives. A token that is known
// to be dead is for [Cache.Drop].
//
// Invalidate passes the report on to the provider if it is believed here, or if
// token isn't held here, and returns true if the provider believes it.
func (c *Cache) Invalidate(token string) bool {
	now := time.Now()
	s := c.promote(now)
	if token == "" || s.held.is(token) && !s.believes(token, now, c.opts.settle) {
		return false
	}
	// The provider first: a refresh that starts after the update must not be
	// handed the same token.
	below := Invalidate(c.provider, token)
	believed := c.update(func(s *state) bool { return s.invalidate(token, now, c.opts.settle) })
	if believed {
		c.opts.logger.Info("token invalidated",
			"provider", c.opts.name, "token_sha256", TokenSHA256(token))
	}
	return believed || below
}

// Drop forgets the held token, whatever its age, because it is known to be
// dead: it was revoked, or its owner was suspended. If a refresh is running,
// its token is forgotten too. A back-off goes on; see [Cache.EndBackoff].
func (c *Cache) Drop() {
	c.update(func(s *state) bool { s.drop(); return true })
}

// EndBackoff ends a back-off, because the cause of the last failure is known to
// be mended: the provider is asked as soon as a caller needs a new token. The
// held token stays.
func (c *Cache) EndBackoff() {
	c.update(func(s *state) bool { s.endBackoff(); return true })
}

// Status returns a snapshot for operators. It doesn't ask the provider.
func (c *Cache) Status() Status {
	return c.state.Load().status(c.opts, time.Now())
}

// State returns the State of [Cache.Status] alone, in less time.
func (c *Cache) State() State {
	return c.state.Load().judge(c.opts, time.Now())
}

// Format prints the name under every verb. Without it fmt would read the fields
// while others write them.
func (c *Cache) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "tokenprovider.Cache(%q)", c.opts.name)
}

// update replaces the state by a changed copy, unless change says that there is
// nothing to change.
func (c *Cache) update(change func(*state) bool) bool {
	for {
		old := c.state.Load()
		changed := *old
		if !change(&changed) {
			return false
		}
		if c.state.CompareAndSwap(old, &changed) {
			return true
		}
	}
}

// promote returns the state in which the token to be served at now is the held
// one.
func (c *Cache) promote(now time.Time) *state {
	if s := c.state.Load(); !s.mayPromote(now, c.opts.settle) {
		return s
	}
	c.update(func(s *state) bool { return s.promote(now, c.opts.settle) })
	return c.state.Load()
}
