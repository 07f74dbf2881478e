package githubapp

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// sharing is an Installation's provider with Options.Store: the stored token, else a mint that is stored.
type sharing struct {
	*tokenprovider.Shared
	slot   *slot
	latest atomic.Uint64 // shortHash of the token that was delivered last
	caught atomic.Int64  // when a withdrawn token was dropped last, wall time in Unix nanoseconds
}

var (
	_ tokenprovider.TokenProvider = (*sharing)(nil)
	_ tokenprovider.Invalidator   = (*sharing)(nil)
)

// share is the sharing of i's tokens. Those that only a workspace has are at its place.
func (r *replicas) share(i *Installation) *sharing {
	s := &slot{replicas: r, id: i.id, key: r.tokenKey(i.id, i.asked), memory: 1}
	s.place = s.key
	if i.asked.owner != "" {
		s.place, s.memory = r.workspaceKey(i.asked.owner), workspaceMemory
	}
	// An error would be about the keys, which Options have been checked for.
	shared, _ := tokenprovider.NewShared((*minter)(i), s, tokenprovider.SharedOptions{Key: s.key, SealKeys: r.sealKeys, Logger: r.log})
	return &sharing{Shared: shared, slot: s}
}

// Token is [tokenprovider.Shared.Token].
func (s *sharing) Token(ctx context.Context) (string, time.Time, error) {
	token, expiresAt, err := s.Shared.Token(ctx)
	if err == nil {
		s.latest.Store(shortHash(token))
	}
	return token, expiresAt, err
}

// drop forgets i's token at any age, in the store too. A store that fails is logged: other replicas may go on with the
// token until they learn from GitHub that it is dead.
func (i *Installation) drop(ctx context.Context) {
	if i.sharing != nil {
		if err := i.sharing.Drop(ctx); err != nil { // bounded by itself
			i.app.replicas.failed("drop", err)
		}
	}
	i.cache.Load().Drop()
}

// catchUp drops a workspace's token that another replica took out of use, when it released the workspace. At most once
// in storePatience, so that a store that loses what it is given doesn't turn calls into mints.
func (i *Installation) catchUp(ctx context.Context) {
	if i.sharing == nil {
		return
	}
	caught, now := i.sharing.caught.Load(), time.Now().UnixNano()
	if age := now - caught; age >= 0 && age < int64(storePatience) || !i.sharing.slot.withdrawn(ctx) {
		return
	}
	i.sharing.caught.Store(now)
	i.cache.Load().Drop()
}

// withdraw takes everything that a workspace was given, by whichever replica, out of use, and revokes it. What can't be
// revoked is remembered for the next call.
func (r *replicas) withdraw(ctx context.Context, owner string, revoke func(issued) error) error {
	place := r.workspaceKey(owner)
	unlock := r.lock(ctx, place)
	defer unlock()
	entries, err := callStore(ctx, r, "withdraw", storePatience, func(ctx context.Context) ([]entry, error) {
		entries, err := r.entries(ctx, place)
		if err != nil || len(entries) == 0 {
			return nil, err
		}
		for n := range entries {
			entries[n].Dropped = true
		}
		return entries, r.put(ctx, place, entries) // before they are dead, so that no replica takes one
	})
	if err != nil {
		return &tokenprovider.Error{Code: tokenprovider.CodeUnavailable,
			Err: errors.New("githubapp: Options.Store failed, so what other replicas gave the workspace isn't revoked; release it again")}
	}
	if len(entries) == 0 {
		return nil
	}
	var left []entry
	var failures []error
	for _, e := range entries {
		t, err := r.open(ctx, e)
		if err == nil {
			err = revoke(t)
		}
		if err != nil {
			left, failures = append(left, e), append(failures, err)
		}
	}
	_ = r.call(ctx, "withdraw", func(ctx context.Context) error { return r.put(ctx, place, left) })
	return errors.Join(failures...)
}

// lock waits for the lock of place, so that a token which is minted elsewhere is stored by then, but not for long: what
// comes later isn't revoked. The unlock is never nil.
func (r *replicas) lock(ctx context.Context, place string) (unlock func()) {
	if r.rests() {
		return func() {}
	}
	over := time.Now().Add(storePatience / 2)
	release, err := callStore(ctx, r, "lock", storePatience, func(ctx context.Context) (func(context.Context) error, error) {
		for wait := 10 * time.Millisecond; time.Now().Before(over); wait = min(2*wait, 200*time.Millisecond) {
			release, ok, err := r.store.TryLock(ctx, place, 2*storePatience)
			if err != nil || ok {
				return release, err
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return nil, nil
	})
	if err != nil || release == nil {
		return func() {}
	}
	return func() { _ = r.call(context.WithoutCancel(ctx), "unlock", release) }
}
