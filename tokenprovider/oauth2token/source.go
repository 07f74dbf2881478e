package oauth2token

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/sleep"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// source is the record under one key as a [tokenprovider.Cache] sees it: each
// Token takes the steps of the protocol, and no step is taken by two calls at
// once.
type source struct {
	*settings
	key  string
	turn chan struct{} // has a value while nobody has the turn

	refused   atomic.Pointer[string]   // SHA-256 of the access token that was reported last
	delivered atomic.Pointer[delivery] // what was returned last
	lost      atomic.Pointer[string]   // the chain that was said to be over, "" for none; nil: nothing was said
	saving    atomic.Bool              // keepSaving runs
	unsaved   atomic.Pointer[unsaved]  // whoever has the turn changes it; nil: all is stored
	signs     atomic.Uint64            // counts sign-ins and sign-outs here

	// Whoever has the turn has these.
	own     map[string]bool // attempts of this process: whether an exchange may have been made
	watched string          // another replica's attempt
	since   time.Time       // when it was seen first
}

// delivery is what a cache was given.
type delivery struct{ sha256, chain string }

var (
	_ tokenprovider.TokenProvider = (*source)(nil)
	_ tokenprovider.Invalidator   = (*source)(nil)
)

func newSource(s *settings, key string) *source {
	source := &source{settings: s, key: key, turn: make(chan struct{}, 1), own: make(map[string]bool)}
	source.turn <- struct{}{}
	return source
}

// Token returns the stored access token, or the one that its refresh token is
// exchanged for. What it began it brings to its end after ctx's.
func (s *source) Token(ctx context.Context) (string, time.Time, error) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return "", time.Time{}, errorf(tokenprovider.CodeUnavailable,
			"an earlier call isn't over yet: %w", ctx.Err())
	}
	defer func() { s.turn <- struct{}{} }()
	asked, signs := tokenprovider.MinTTL(ctx), s.signs.Load()
	r, err := s.live(ctx, asked)
	for err != nil && s.signs.Load() != signs { // it is about what was before
		signs = s.signs.Load()
		r, err = s.live(ctx, asked)
	}
	if err != nil {
		return "", time.Time{}, err
	}
	s.lost.Store(nil)
	s.delivered.Store(&delivery{tokenprovider.TokenSHA256(r.Access), r.Chain})
	return r.Access, r.ExpiresAt, nil
}

// Invalidate takes note that the access token that was delivered last was
// refused: the stored one is exchanged if it is that.
func (s *source) Invalidate(token string) bool {
	sum := tokenprovider.TokenSHA256(token)
	if last := s.delivered.Load(); last == nil || token == "" || last.sha256 != sum {
		return false
	}
	s.refused.Store(&sum)
	return true
}

// servable reports whether r's access token lives and wasn't reported.
func (s *source) servable(r *record) bool {
	reported := s.refused.Load()
	return r.left(time.Now()) > 0 && (reported == nil || *reported != tokenprovider.TokenSHA256(r.Access))
}

// live returns a record with an access token that lives for as long as is
// asked.
func (s *source) live(ctx context.Context, asked time.Duration) (*record, error) {
	exchanges, polls, failures, lost := 0, 0, 0, 0
	for {
		if s.unsaved.Load() != nil {
			if _, err := s.save(ctx); err != nil {
				return nil, err
			}
		}
		r, value, err := s.load(ctx, s.key, storeTimeout)
		switch {
		case err == errSealed:
			s.logger.Warn("stored sign-in can't be used", "key", s.key, "error", err)
			return nil, s.signIn(nil, err.Error())
		case err != nil:
			return nil, errorf(tokenprovider.CodeUnavailable, "%w", err)
		case r == nil:
			return nil, s.signIn(nil, saidNobody)
		case s.servable(r) && r.suffices(time.Now(), asked):
			return r, nil
		case r.Refused && r.Unsure:
			return s.orElse(r, asked, s.signIn(r, saidLost))
		case r.Refused:
			return s.orElse(r, asked, s.signIn(r, saidRefused))
		case r.Refresh == "":
			return s.orElse(r, asked, s.signIn(r, saidOver))
		case exchanges == maxExchanges, lost == maxChanges:
			return s.orElse(r, asked, errorf(tokenprovider.CodeUnavailable, "%q: %w", s.key, errContended))
		case !s.mayAttempt(r):
			if ctx.Err() != nil {
				return s.orElse(r, asked, errorf(tokenprovider.CodeUnavailable,
					"%q: another replica's exchange isn't over: %w", s.key, ctx.Err()))
			}
			wait := min(firstPoll<<min(polls, 10), longestPoll)
			polls++
			sleep.For(ctx, wait-rand.N(wait/4))
			continue
		}
		begun, err := s.begin(ctx, r, value)
		if err != nil {
			failures++
		}
		switch {
		case err != nil && (ctx.Err() != nil || failures == maxFailures):
			return s.orElse(r, asked, errorf(tokenprovider.CodeUnavailable, "%w", err))
		case begun == nil: // somebody else was faster, or it isn't known who
			lost++
			sleep.For(ctx, rand.N(firstPoll))
			continue
		}
		exchanges++
		renewed, err := s.exchange(ctx, begun)
		if err != nil {
			return s.orElse(r, asked, err)
		}
		if renewed != nil {
			return renewed, nil
		}
	}
}

// orElse returns r when its access token is as good as the caller may have it,
// which has nothing better while it can't be renewed, and err otherwise.
func (s *source) orElse(r *record, asked time.Duration, err error) (*record, error) {
	left := r.left(time.Now())
	if !s.servable(r) || left < asked {
		return nil, err
	}
	s.logger.Warn("access token can't be renewed and is served on",
		"key", s.key, "expires_at", r.ExpiresAt, "error", err)
	return r, nil
}

// Why a person has to sign in.
const (
	saidNobody  = "nobody has signed in, or has signed out, or the store lost it"
	saidRefused = "the refresh token was refused: it was revoked, has expired, or was used by somebody else"
	saidLost    = "the refresh token was refused, and the answer to an exchange of it had been lost: " +
		"most likely that exchange spent it"
	saidOver = "the access token came without a refresh token, and is over or was refused"
)

// signIn returns the error that says that the person has to sign in, and why.
func (s *source) signIn(r *record, why string) error {
	chain := ""
	if r != nil {
		chain = r.Chain
	}
	s.lost.Store(&chain)
	return errorf(tokenprovider.CodeUnauthenticated, "%q: %s: sign in again", s.key, why)
}

// mayAttempt reports whether an exchange may be begun: none runs that others
// may still finish.
func (s *source) mayAttempt(r *record) bool {
	if _, own := s.own[r.Attempt]; r.Attempt == "" || own { // not running: this call has the turn
		return true
	}
	if s.watched != r.Attempt {
		s.watched, s.since = r.Attempt, time.Now()
	}
	return time.Since(s.since) > attemptLife // by the monotonic clock, which counts no sleep of the machine
}
