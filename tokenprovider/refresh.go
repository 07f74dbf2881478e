package tokenprovider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sync/singleflight"
)

// refresh starts a refresh for the caller that judged observed, or joins the one that runs. The channel tells when it
// is over, with true if the provider was asked.
func (c *Cache) refresh(ctx context.Context, observed *state) <-chan singleflight.Result {
	wish := MinTTL(ctx)
	if now := time.Now(); observed.held.live(now) {
		// The provider may be a cache itself: it has to come up with a token that lives longer than the held one.
		wish = max(wish, observed.held.remaining(now)+time.Second)
	}
	return c.opts.flights.DoChan(c.key, func() (any, error) {
		begun := *observed
		begun.begin()
		// A caller that comes late judged a state that is over: it has to look again, not to mint again.
		if !c.state.CompareAndSwap(observed, &begun) {
			return false, nil
		}
		c.ask(wish)
		return true, nil
	})
}

// ask gets a token from the provider and takes the outcome into the state.
func (c *Cache) ask(wish time.Duration) {
	requested := time.Now()
	ctx, origin := withOrigin(WithMinTTL(context.Background(), wish))
	token, expiresAt, err := c.mint(ctx)
	now := time.Now()
	if err == nil {
		err = validate(token, expiresAt, requested, now)
	}
	var l *lease
	if err == nil {
		l = newLease(token, expiresAt, requested, origin.mintedAt(token, now), c.opts)
	}

	foreground := c.waiting.Load() > 0
	var outcome string
	c.update(func(s *state) bool {
		failure := err
		if failure == nil && s.refused != "" && l.is(s.refused) {
			failure = &Error{Code: CodeUnavailable, Err: errors.New("tokenprovider: the provider delivered again the token that was refused")}
		}
		switch {
		case failure != nil:
			outcome = "token refresh failed"
			s.fail(failure, now)
		case s.outdated:
			outcome = "token dropped on arrival"
			s.mints++
			s.refreshing = false
		case s.held.live(now) && s.held.is(token):
			outcome = "token unchanged"
			s.keep(l, now, c.opts)
		default:
			outcome = "token minted"
			settled := s.held.remaining(now) - c.opts.settle
			s.adopt(l, !foreground && c.opts.settle > 0 && s.held.live(now) && settled > s.held.floor)
		}
		return true
	})
	c.log(outcome)
	if l != nil && c.opts.minted != nil {
		c.opts.minted(l.life)
	}
}

// answer is what the provider said.
type answer struct {
	token     string
	expiresAt time.Time
	err       error
}

// mint calls the provider, with a ctx that is no caller's. It is bounded by MintTimeout even if the provider ignores its
// ctx: its late answer is thrown away then. A panic and runtime.Goexit become errors.
func (c *Cache) mint(ctx context.Context) (string, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.mintTimeout)
	defer cancel()
	answers := make(chan answer, 1)
	go func() {
		a := answer{err: &Error{Code: CodeInternal, Err: errors.New("tokenprovider: the provider ended its goroutine (runtime.Goexit)")}}
		defer func() {
			if v := recover(); v != nil {
				a = answer{err: c.panicked(v)}
			}
			answers <- a
		}()
		a.token, a.expiresAt, a.err = c.provider.Token(ctx)
		if a.err != nil {
			// Its methods are foreign code too, and a nil pointer in an error is a common defect: it has to panic here.
			a.err = detach(a.err)
			_ = a.err.Error()
		}
	}()
	select {
	case a := <-answers:
		return a.token, a.expiresAt, a.err
	case <-ctx.Done():
		return "", time.Time{}, &Error{Code: CodeUnavailable, Err: fmt.Errorf("tokenprovider: the provider gave no answer within %s", c.opts.mintTimeout)}
	}
}

// panicked is the error for a provider that panicked. The value may hold anything, a token too: only the texts of the
// runtime are known not to.
func (c *Cache) panicked(v any) error {
	c.opts.logger.Error("token provider panicked", "provider", c.opts.name, "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
	if e, ok := v.(runtime.Error); ok {
		return &Error{Code: CodeInternal, Err: fmt.Errorf("tokenprovider: the provider panicked: %s", e.Error())}
	}
	return &Error{Code: CodeInternal, Err: fmt.Errorf("tokenprovider: the provider panicked with a %T", v)}
}

// detach hides a context's error in err from [errors.Is]: it was the context of the refresh, and a caller would take it
// for its own.
func detach(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeOf(err), RetryAfter: RetryAfter(err), Err: errors.New(err.Error())}
	}
	return err
}

// validate refuses what no provider may deliver. A token that died since it was requested is no defect: there may be
// another one at once.
func validate(token string, expiresAt, requested, now time.Time) error {
	switch {
	case token == "":
		return &Error{Code: CodeInternal, Err: errors.New("tokenprovider: the provider delivered an empty token")}
	case !expiresAt.IsZero() && !now.Round(0).Before(expiresAt) && requested.Round(0).Before(expiresAt):
		return &Error{Code: CodeUnavailable, Err: fmt.Errorf("tokenprovider: the provider delivered a token that expired at %s, on its way", expiresAt.UTC().Format(time.RFC3339))}
	case !expiresAt.IsZero() && !now.Round(0).Before(expiresAt):
		return &Error{Code: CodeInternal, Err: fmt.Errorf("tokenprovider: the provider delivered a token that expired at %s, %s ago by this machine's clock",
			expiresAt.UTC().Format(time.RFC3339), now.Round(0).Sub(expiresAt).Round(time.Second))}
	}
	return nil
}

// log tells how a try ended.
func (c *Cache) log(outcome string) {
	if !c.opts.logger.Enabled(context.Background(), slog.LevelWarn) {
		return
	}
	status := c.Status()
	if status.LastErrorCode != "" {
		c.opts.logger.Warn(outcome, "provider", status.Name, "state", status.State, "code", status.LastErrorCode,
			"error", status.LastError, "retry_at", status.RefreshAt, "expires_at", status.ExpiresAt)
		return
	}
	c.opts.logger.Info(outcome, "provider", status.Name, "state", status.State,
		"expires_at", status.ExpiresAt, "token_sha256", status.TokenSHA256)
}
