package tokenprovidertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// timeout bounds what should take no time worth mentioning. Only a provider
// that fails makes the kit wait it out.
const timeout = 5 * time.Second

// Run checks a provider against each rule of the contract, as subtests of t.
// newProvider makes a provider that can deliver a token; it is called once for
// each rule, so that no rule sees what another one left behind.
func Run(t *testing.T, newProvider func(t *testing.T) tokenprovider.TokenProvider) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			p := newProvider(t)
			if foreign.IsNil(p) {
				t.Fatalf("the factory of the kit made no provider")
			}
			if err := r.check(t, p); err != nil {
				t.Errorf("the contract says: %s\n%v", r.sentence, err)
			}
		})
	}
}

// rule is one sentence of the contract with the check that finds a provider
// which breaks it.
type rule struct {
	name     string
	sentence string
	check    func(t *testing.T, p tokenprovider.TokenProvider) error
}

var rules = []rule{
	{"delivers a token",
		"with a nil error, the token is non-empty", delivers},
	{"delivers no expired token",
		"with a nil error, the token has not expired when Token returns; " +
			"a zero expiresAt means \"no known expiry\"", delivers},
	{"concurrent use",
		"Token is safe for concurrent use", concurrent},
	{"own context",
		"ctx bounds how long this caller waits", ownContext},
	{"cancelled leader",
		"the end of one caller's ctx doesn't disturb the other callers", cancelledLeader},
	{"no token with an error",
		"with an error, the token is empty and the error doesn't hold one", noTokenWithAnError},
	{"invalidate",
		"Invalidate replaces exactly the token that it is given, " +
			"and is true if that token is held and the report believed", invalidates},
	{"status",
		"Status doesn't block and holds no secret", status},
}

// get asks p and checks the answer.
func get(ctx context.Context, p tokenprovider.TokenProvider) (string, time.Time, error) {
	token, expiresAt, err := p.Token(ctx)
	switch {
	case err != nil:
		return "", time.Time{}, fmt.Errorf("call of Token failed: %w", err)
	case token == "":
		return "", time.Time{}, errors.New("an empty token was returned, and no error")
	case wire.Expired(expiresAt, time.Now()):
		return "", time.Time{}, fmt.Errorf("a token was returned, and no error, that "+
			"expired at %s; leave expiresAt zero if the expiry isn't known",
			expiresAt.UTC().Format(time.RFC3339))
	}
	return token, expiresAt, nil
}

func delivers(t *testing.T, p tokenprovider.TokenProvider) error {
	for range 3 {
		if _, _, err := get(t.Context(), p); err != nil {
			return err
		}
	}
	return nil
}

func concurrent(t *testing.T, p tokenprovider.TokenProvider) error {
	failures := make(chan error, 1)
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			for range 20 {
				if _, _, err := get(t.Context(), p); err != nil {
					select {
					case failures <- err:
					default:
					}
				}
			}
		})
	}
	callers.Wait()
	select {
	case err := <-failures:
		return fmt.Errorf("of 32 concurrent callers, one had: %w", err)
	default:
		return nil
	}
}

// within returns do's error, or one that names what when do doesn't return in
// time.
func within(what string, do func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_, err := foreign.Within(ctx, what, func(context.Context) (struct{}, error) {
		return struct{}{}, do()
	})
	if err == foreign.ErrNoAnswer {
		return fmt.Errorf("%s didn't return within %s", what, timeout)
	}
	return err
}

func ownContext(t *testing.T, p tokenprovider.TokenProvider) error {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return within("Token with a context that is over", func() error {
		_, _, err := p.Token(ctx)
		switch code := tokenprovider.CodeOf(err); {
		case err == nil, errors.Is(err, context.Canceled), code == tokenprovider.CodeUnavailable:
			return nil // with a token too: it needed no wait
		}
		return fmt.Errorf("a cancelled context made Token fail "+
			"as if nobody could have a token: %w", err)
	})
}

func cancelledLeader(t *testing.T, p tokenprovider.TokenProvider) error {
	for range 8 {
		leader, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			_, _, _ = p.Token(leader)
		}()
		followed := make(chan error, 1)
		go func() {
			_, _, err := get(t.Context(), p)
			followed <- err
		}()
		cancel()
		if err := within("Token of a follower", func() error { return <-followed }); err != nil {
			return fmt.Errorf("while another caller was cancelled: %w", err)
		}
		err := within("Token of the cancelled caller", func() error { <-left; return nil })
		if err != nil {
			return err
		}
		if _, _, err := get(t.Context(), p); err != nil {
			return fmt.Errorf("after another caller was cancelled: %w", err)
		}
	}
	return nil
}

func noTokenWithAnError(t *testing.T, p tokenprovider.TokenProvider) error {
	token, _, err := get(t.Context(), p)
	if err != nil {
		return err
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Hour))
	defer cancel()
	for _, ctx := range []context.Context{cancelled, expired} {
		with, _, err := p.Token(ctx)
		if err == nil {
			continue
		}
		if with != "" {
			return errors.New("a token was returned together with an error")
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), token) {
			return errors.New("an error of Token holds the token")
		}
	}
	return nil
}

func invalidates(t *testing.T, p tokenprovider.TokenProvider) error {
	if tokenprovider.Invalidate(p, "") {
		return errors.New("call of Invalidate with an empty token was true")
	}
	if tokenprovider.Invalidate(p, "a token that was never issued") {
		return errors.New("call of Invalidate with a token that was never issued was true")
	}
	token, _, err := get(t.Context(), p)
	if err != nil {
		return fmt.Errorf("after Invalidate of other tokens: %w", err)
	}
	if tokenprovider.Invalidate(p, token+"x") || tokenprovider.Invalidate(p, token[:len(token)-1]) {
		return errors.New("call of Invalidate was true for a token " +
			"that only resembles the one that is held")
	}
	if !tokenprovider.Invalidate(p, token) {
		return nil // it can't, or the token is too young to be judged
	}
	if tokenprovider.Invalidate(p, token) {
		return errors.New("call of Invalidate was true twice for the same token, " +
			"without a call of Token between")
	}
	return nil
}

func status(t *testing.T, p tokenprovider.TokenProvider) error {
	token, expiresAt, err := get(t.Context(), p)
	if err != nil {
		return err
	}
	return within("Status", func() error {
		s, ok := tokenprovider.StatusOf(p)
		switch {
		case !ok:
			return nil
		case strings.Contains(fmt.Sprintf("%+v", s), token):
			return errors.New("the Status holds the token")
		case s.TokenSHA256 != "" && s.TokenSHA256 != tokenprovider.TokenSHA256(token):
			return errors.New("the Status has the SHA-256 of another token than Token returned")
		case s.State == tokenprovider.StateEmpty || s.State == tokenprovider.StateFailing:
			return fmt.Errorf("the Status is %q while Token returns a token", s.State)
		case !s.ExpiresAt.IsZero() && !s.ExpiresAt.Equal(expiresAt):
			return errors.New("the Status has another expiry than the token that Token returned")
		}
		return nil
	})
}
