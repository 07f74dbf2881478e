package oauth2token

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/sleep"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
)

// unsaved is what an exchange brought and the store hasn't yet.
type unsaved struct {
	spent string // the refresh token that was exchanged
	token *oauth2.Token
	at    time.Time // when it came
}

var errElse = errors.New("somebody else changed the record")

const maxOwn = 64 // attempts that this process remembers as its own

// begin swaps an attempt in, from r, which is value. It returns the record
// under which an exchange may be made, nil when none may. The error is the
// store's.
func (s *source) begin(ctx context.Context, r *record, value []byte) (*record, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	made, own := s.own[r.Attempt]
	dead := r.Attempt != "" && !own
	if dead {
		s.logger.Warn("exchange that a replica didn't finish is tried again", "key", s.key)
	}
	if len(s.own) >= maxOwn { // then others, and this process, wait for attemptLife
		clear(s.own)
	}
	next := r.attempted(rand.Text(), r.Unsure || dead || made)
	s.own[next.Attempt] = false
	began := time.Now()
	swapped, err := s.swap(ctx, s.key, value, next)
	if err != nil || !swapped {
		return nil, err
	}
	if elapsed(began) > storeTimeout { // the process stood still, and others may watch the attempt
		return nil, nil
	}
	s.own[next.Attempt] = true
	return next, nil
}

// elapsed returns how long ago began was, by whichever clock says more: the
// monotonic one stands still while the machine sleeps.
func elapsed(began time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(began), now.Round(0).Sub(began.Round(0)))
}

// exchange exchanges the refresh token of begun, and returns the record that is
// stored then; nil when somebody else changed it meanwhile.
func (s *source) exchange(ctx context.Context, begun *record) (*record, error) {
	t, v, err := s.exchanger.exchange(ctx, begun.Refresh)
	if err == nil {
		s.unsaved.Store(&unsaved{begun.Refresh, t, time.Now()})
		return s.save(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptLife-exchangeTimeout)
	defer cancel()
	s.own[begun.Attempt] = v == unsure
	if v == refused {
		return s.refuse(ctx, begun)
	}
	_, failed := s.change(ctx, s.key, false, func(r *record) (*record, error) {
		switch {
		case r == nil || r.Attempt != begun.Attempt && r.Attempt != "":
			return r, errElse
		case r.Attempt == "":
			return r, nil // an answer was lost
		}
		return r.rested(r.Unsure || v == unsure), nil
	})
	if failed != nil && failed != errElse {
		s.logger.Warn("end of a failed exchange isn't stored", "key", s.key, "error", failed)
	}
	return nil, err
}

// refuse has the record say that the forge refused its refresh token, if it
// still is the one that was refused; it returns nil and no error if it isn't.
func (s *source) refuse(ctx context.Context, begun *record) (*record, error) {
	r, err := s.change(ctx, s.key, false, func(r *record) (*record, error) {
		switch {
		case r == nil || r.Refresh != begun.Refresh:
			return nil, errElse
		case r.Refused:
			return r, nil // an answer was lost
		case r.Attempt != begun.Attempt:
			return nil, errElse
		}
		return r.dead(), nil
	})
	switch err {
	case nil:
		s.logger.Warn("refresh token refused, its owner has to sign in again",
			"key", s.key, "answer_lost", r.Unsure)
		return nil, nil // the next look says so
	case errElse:
		return nil, nil
	}
	return nil, errorf(tokenprovider.CodeUnavailable,
		"the refresh token was refused, and another look at the store failed: %w", err)
}

// save swaps in what an exchange brought, and returns the record that is stored
// then. It returns nil and no error when that is of no use any more, since
// somebody signed in or out meanwhile. It tries for the rest of the attempt's
// life, whatever becomes of ctx, and leaves the rest to keepSaving.
func (s *source) save(ctx context.Context) (*record, error) {
	u := s.unsaved.Load()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptLife-exchangeTimeout)
	defer cancel()
	for {
		r, err := s.change(ctx, s.key, false, func(r *record) (*record, error) {
			if r == nil {
				return nil, errElse
			}
			switch fresh := r.brought(u.token, u.at); {
			case r.Refresh == fresh.Refresh && r.Access == fresh.Access:
				return r, nil // an answer was lost
			case r.Refresh == u.spent:
				return fresh, nil
			}
			return nil, errElse
		})
		switch {
		case err == errElse:
			s.saved()
			s.logger.Warn("renewed token is of no use, somebody signed in or out meanwhile", "key", s.key)
			return nil, nil
		case err == nil:
			s.saved()
			s.logger.Info("refresh token exchanged", "key", s.key, "expires_at", r.ExpiresAt,
				"token_sha256", tokenprovider.TokenSHA256(r.Access))
			if r.Access == "" {
				return nil, errorf(tokenprovider.CodeInternal, "the forge delivered %w", usable(u.token, u.at))
			}
			return r, nil
		case ctx.Err() != nil || err == errSealed:
			if s.saving.CompareAndSwap(false, true) {
				go s.keepSaving()
			}
			return nil, &tokenprovider.Error{Code: tokenprovider.CodeUnavailable, RetryAfter: saveAgain,
				Err: fmt.Errorf("oauth2token: the renewed token isn't stored yet: %w", err)}
		}
		sleep.For(ctx, longestPoll)
	}
}

// saved forgets what is stored.
func (s *source) saved() {
	s.unsaved.Store(nil)
	clear(s.own)
}

const (
	saveAgain     = 3 * time.Second // while the store fails
	saveAtLongest = time.Hour       // without a call that tries, too
)

// keepSaving tries again while nobody calls: the store may be back, and nobody
// else has the living chain. After [saveAtLongest] that is left to the next
// call.
func (s *source) keepSaving() {
	defer s.saving.Store(false)
	for range saveAtLongest / saveAgain {
		time.Sleep(saveAgain)
		<-s.turn
		if s.unsaved.Load() != nil {
			_, _ = s.save(context.Background())
		}
		done := s.unsaved.Load() == nil
		s.turn <- struct{}{}
		if done {
			return
		}
	}
}
