package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Uncertain is the error of a release of which it isn't known whether the
// workspace has a token still. At Until all that it can have is dead.
type Uncertain struct{ Until time.Time }

// Error says until when.
func (u *Uncertain) Error() string {
	return fmt.Sprintf("it isn't known all that the workspace was given; by %s it is dead", u.Until.UTC().Format(time.RFC3339))
}

// atOnce is how many tokens of a workspace are revoked at a time, and of how many
// workspaces tokens are recorded.
const atOnce = 8

// Release ends a workspace: what it was given is revoked, what is being minted
// for it is when it comes, and nothing is minted any more. A nil error means that
// all is revoked or dead. After an error a later call goes on where this one
// stopped.
//
// The error is an [*Uncertain], or it is [ErrAway], [ErrContended], ctx's, or what
// the revocations brought.
func (l *Ledger) Release(ctx context.Context, workspace string) error {
	key := l.config.Key("workspace", workspace)
	left := l.recordAll(ctx, key)
	generation := rand.Text()
	r, err := l.change(ctx, key, func(r *record) (*record, error) {
		switch {
		case r == nil:
			r = &record{Dated: l.dated()}
		case r.Generation == generation:
			return r, nil // an answer was lost
		}
		return r.released(generation), nil
	})
	if errors.Is(err, ErrSealed) {
		l.config.Logger.Error("workspace's record can't be opened, so what it has isn't revoked", "error", err)
		return &Uncertain{time.Now().Round(0).Add(l.config.TokenLife)}
	}
	if err != nil {
		return err
	}
	if err := errors.Join(left, l.settle(ctx, key, r)); err != nil {
		return err
	}
	if until := r.Dated.Add(l.config.TokenLife); !r.Dated.IsZero() && time.Now().Before(until) {
		return &Uncertain{until}
	}
	return nil
}

// Settle revokes the tokens of the workspace that are owed, and the one whose
// SHA-256 is refused, which is owed from now on if it wasn't; "" is none. The
// error is one of Release's; what isn't revoked stays owed.
func (l *Ledger) Settle(ctx context.Context, workspace, refused string) error {
	key := l.config.Key("workspace", workspace)
	r, err := l.change(ctx, key, func(r *record) (*record, error) { return r.owing(refused), nil })
	if err != nil {
		return err
	}
	return l.settle(ctx, key, r)
}

// settle revokes what r owes, several at a time, and takes it off the record
// then. That may fail: who finds it there revokes it once more.
func (l *Ledger) settle(ctx context.Context, key string, r *record) error {
	var (
		mu       sync.Mutex
		dead     []entry
		failures []error
		calls    errgroup.Group
	)
	calls.SetLimit(atOnce)
	for _, e := range r.owed() {
		calls.Go(func() error {
			var err error
			if e.lives(time.Now()) {
				err = l.config.Revoke(ctx, e.Token, e.For)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil && e.lives(time.Now()) { // else it died by itself meanwhile
				failures = append(failures, err)
			} else {
				dead = append(dead, e)
			}
			return nil
		})
	}
	_ = calls.Wait()
	if len(dead) > 0 {
		_, _ = l.change(context.WithoutCancel(ctx), key, func(r *record) (*record, error) {
			if r == nil {
				return nil, nil
			}
			return r.without(dead), nil
		})
	}
	return errors.Join(failures...)
}
