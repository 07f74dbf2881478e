package tokenprovider

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"golang.org/x/sync/singleflight"
)

// refresh starts a refresh for the caller that judged observed, or joins the
// one that runs. The channel tells when it is over, with true if the provider
// was asked.
func (c *Cache) refresh(ctx context.Context, observed *state) <-chan singleflight.Result {
	asked := minLife{ttl: MinTTL(ctx), wish: true}
	now := time.Now()
	if held := observed.held; held.live(now) {
		// The provider may be a cache itself: it has to come up with a token
		// that lives longer than the held one, which is no wish.
		asked = minLife{ttl: max(asked.of(held.life), held.remaining(now)+time.Second)}
	}
	return c.opts.flights.DoChan(strconv.FormatUint(c.number, 36), func() (any, error) {
		begun := *observed
		begun.begin(now)
		// A caller that comes late judged a state that is over: it has to look
		// again, not to mint again.
		if !c.state.CompareAndSwap(observed, &begun) {
			return false, nil
		}
		c.ask(asked)
		return true, nil
	})
}

// ask asks the provider for a token that lives as long as is asked, and takes the
// outcome into the state. Nothing in it may panic: it runs on a goroutine of
// singleflight's, whose panic would end the process.
func (c *Cache) ask(asked minLife) {
	l, failure := c.mint(withMinLife(context.Background(), asked))
	now := time.Now()
	foreground := c.waiting.Load() > 0
	var outcome string
	c.update(func(s *state) bool {
		switch {
		case failure != nil:
			outcome = "token refresh failed"
			s.failed(failure, now)
		case s.dropped:
			outcome = "token dropped on arrival"
			s.mints++
			s.refreshing = false
		case s.held.live(now) && s.held.is(l.token):
			outcome = "token unchanged"
			s.unchanged(l, now, c.opts)
		default:
			outcome = "token minted"
			s.minted(l, !foreground && s.maySettle(now, c.opts.settle))
		}
		return true
	})
	c.log(outcome)
	if l != nil && c.opts.onMint != nil {
		c.opts.onMint(l.life)
	}
}

// mint asks the provider, with a ctx that is no caller's. It is bounded by
// MintTimeout even if the provider ignores its ctx: a late answer is thrown
// away.
func (c *Cache) mint(ctx context.Context) (*lease, *failure) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.mintTimeout)
	defer cancel()
	type outcome struct {
		lease   *lease
		failure *failure
	}
	o, err := foreign.Within(ctx, "the provider", func(ctx context.Context) (outcome, error) {
		requested := time.Now()
		token, expiresAt, err := c.provider.Token(ctx)
		now := time.Now()
		if err != nil {
			return outcome{failure: newFailure(detach(err))}, nil
		}
		if err := validate(token, expiresAt, requested, now); err != nil {
			return outcome{failure: newFailure(err)}, nil
		}
		minted := mintedAt(c.provider, token, now)
		return outcome{lease: newLease(token, expiresAt, requested, minted, c.opts)}, nil
	})
	switch {
	case err == foreign.ErrNoAnswer:
		return nil, newFailure(errorf(CodeUnavailable,
			"the provider gave no answer within %s", c.opts.mintTimeout))
	case err != nil:
		return nil, newFailure(withoutDefect(err, c.opts.logger, "provider", c.opts.name))
	}
	return o.lease, o.failure
}

// failure is an error of the provider's, with all that is asked of it later:
// its methods are foreign code, and are called where that runs.
type failure struct {
	err        error
	text       string
	code       Code
	retryAfter time.Duration
}

func newFailure(err error) *failure {
	return &failure{err: err, text: err.Error(), code: CodeOf(err), retryAfter: RetryAfter(err)}
}

// withoutDefect returns err, or an error of [CodeInternal] in place of a
// [foreign.Defect], whose stack it logs. The value of a panic may be a token,
// so it isn't kept.
func withoutDefect(err error, logger *slog.Logger, attrs ...any) error {
	defect, ok := err.(*foreign.Defect)
	if !ok {
		return err
	}
	if defect.Stack != nil {
		logger.Error("token provider panicked", append(attrs,
			"cause", foreign.Cause(defect.Value), "stack", string(defect.Stack))...)
	}
	return errorf(CodeInternal, "%s", defect.Error())
}

// detach hides a context's error in err from [errors.Is]: it was the context of
// the refresh, and a caller would take it for its own.
func detach(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeOf(err), RetryAfter: RetryAfter(err), Err: errors.New(err.Error())}
	}
	return err
}

// validate refuses what no provider may deliver. A token that died since it was
// requested is no defect: there may be another one at once.
func validate(token string, expiresAt, requested, now time.Time) error {
	switch expiry := expiresAt.UTC().Format(time.RFC3339); {
	case token == "":
		return errorf(CodeInternal, "the provider delivered an empty token")
	case !wire.Expired(expiresAt, now):
		return nil
	case !wire.Expired(expiresAt, requested):
		return errorf(CodeUnavailable,
			"the provider delivered a token that expired at %s, on its way", expiry)
	default:
		ago := now.Round(0).Sub(expiresAt).Round(time.Second)
		return errorf(CodeInternal, "the provider delivered a token that expired at %s, "+
			"%s ago by this machine's clock", expiry, ago)
	}
}

// log tells how a try ended.
func (c *Cache) log(outcome string) {
	if !c.opts.logger.Enabled(context.Background(), slog.LevelWarn) {
		return
	}
	s := c.Status()
	if s.LastErrorCode != "" {
		c.opts.logger.Warn(outcome, "provider", s.Name, "state", s.State, "code", s.LastErrorCode,
			"error", s.LastError, "retry_at", s.RefreshAt, "expires_at", s.ExpiresAt)
		return
	}
	c.opts.logger.Info(outcome, "provider", s.Name, "state", s.State,
		"expires_at", s.ExpiresAt, "token_sha256", s.TokenSHA256)
}
