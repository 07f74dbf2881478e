package githubapp

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// sharing is an Installation's provider with Options.Store: the stored token, else a mint that is stored.
type sharing struct {
	*tokenprovider.Shared
	app     *App
	slot    *slot
	latest  atomic.Uint64          // shortHash of the token that was delivered last
	release atomic.Pointer[string] // the workspace's mark when the last call that is over began; nil: not known
}

var (
	_ tokenprovider.TokenProvider = (*sharing)(nil)
	_ tokenprovider.Invalidator   = (*sharing)(nil)
)

// share is the sharing of i's tokens. Those that only a workspace has are at its place.
func (r *replicas) share(i *Installation) *sharing {
	s := &slot{replicas: r, key: r.tokenKey(i.id, i.asked), generation: r.generationKey(i.id)}
	s.place = s.key
	if i.asked.owner != "" {
		s.place, s.release = r.workspaceKey(i.asked.owner), r.releaseKey(i.asked.owner)
	}
	// An error would be about the keys, which Options have been checked for.
	shared, _ := tokenprovider.NewShared((*minter)(i), s, tokenprovider.SharedOptions{Key: s.key, SealKeys: r.sealKeys, Logger: r.log})
	return &sharing{Shared: shared, app: i.app, slot: s}
}

// Token is [tokenprovider.Shared.Token]. A token is stored before the workspace's mark is looked at again, and a release
// changes the mark before it looks for tokens: the one sees the other, whichever comes first.
func (s *sharing) Token(ctx context.Context) (string, time.Time, error) {
	var b begun
	token, expiresAt, err := s.Shared.Token(context.WithValue(ctx, begunKey{}, &b))
	began := b.Load()
	if began != nil {
		s.release.Store(&began.Release)
	}
	if err != nil {
		return "", time.Time{}, err
	}
	s.latest.Store(shortHash(token))
	if began != nil {
		if mark, ok := s.slot.releaseMark(ctx, storePatience); ok && releasedSince(began.Release, mark) {
			return "", time.Time{}, released(began.Release, s.app.revoke(ctx, token))
		}
	}
	return token, expiresAt, nil
}

// releasedSince reports whether now is the mark of a release that came after mark. None is not: a store has none that lost
// what was in it, and a release leaves one.
func releasedSince(mark, now string) bool { return now != mark && now != "" }

// releasedError says that a workspace was released while its token was minted. It wraps nothing: a cache makes a plain
// text of an error that has one of a context in it.
type releasedError struct {
	mark     string // the workspace's before the release
	revoking error  // nil: there is nothing left to revoke
	retry    sync.Once
}

func released(mark string, revoking error) error {
	return &tokenprovider.Error{Code: tokenprovider.CodeForbidden, Err: &releasedError{mark: mark, revoking: revoking}}
}

func (e *releasedError) Error() string {
	text := "githubapp: the workspace was released while its token was minted"
	if e.revoking != nil {
		text += ", which couldn't be revoked; release it again: " + e.revoking.Error()
	}
	return text
}

// workspaceToken is i's token for a workspace, unless that is released meanwhile. A mint that a release ended is the answer
// for who asked before the release, and not for a workspace that was started again since and only waited for the same
// mint. Who asked before it gets nothing of the mint that comes then, either.
func (i *Installation) workspaceToken(ctx context.Context) (string, time.Time, error) {
	mark, known := i.catchUp(ctx)
	token, expiresAt, err := i.Token(ctx)
	if ended, is := errors.AsType[*releasedError](err); is && known && mark != ended.mark {
		if now, ok := i.sharing.slot.releaseMark(ctx, lookPatience); !ok || releasedSince(mark, now) {
			return "", time.Time{}, err
		}
		ended.retry.Do(i.cache.Load().EndBackoff) // the release is no reason to put the next mint off, once
		token, expiresAt, err = i.Token(ctx)
	}
	if err != nil {
		return "", time.Time{}, err
	}
	if !known {
		return token, expiresAt, nil
	}
	if last := i.sharing.release.Load(); last != nil && *last != mark { // the mint may have begun after a release
		if now, ok := i.sharing.slot.releaseMark(ctx, lookPatience); ok && releasedSince(mark, now) {
			return "", time.Time{}, released(mark, nil)
		}
	}
	return token, expiresAt, nil
}

// drop forgets i's token at any age, in the store too. A store that fails is logged: other replicas may go on with the
// token until they learn from GitHub that it is dead. That the caller left isn't its fault.
func (i *Installation) drop(ctx context.Context) {
	if i.sharing != nil {
		if err := i.sharing.Drop(ctx); err != nil && ctx.Err() == nil { // bounded by itself
			i.app.replicas.failed("drop", err)
		}
	}
	i.cache.Load().Drop()
}

// catchUp drops what is held for a workspace, a failure too, when another replica released the workspace meanwhile. It
// returns the workspace's mark, if that is known.
func (i *Installation) catchUp(ctx context.Context) (mark string, known bool) {
	if i.sharing == nil || i.app.replicas.rests() {
		return "", false
	}
	last := i.sharing.release.Load()
	mark, known = i.sharing.slot.releaseMark(ctx, lookPatience)
	// Once: who looked longer must not end the back-off of the mint that came since.
	now := i.sharing.release.Load()
	if known && last != nil && releasedSince(*last, mark) && now != nil && *now == *last {
		i.cache.Load().Drop() // before others learn that there is nothing to catch up with
		i.cache.Load().EndBackoff()
		i.sharing.release.CompareAndSwap(now, nil)
	}
	return mark, known
}

// withdraw takes everything that a workspace was given, by whichever replica, out of use, and revokes it. What can't be
// revoked stays, for the next call. What is being minted elsewhere is revoked there.
func (r *replicas) withdraw(ctx context.Context, owner string, revoke func(issued) error) error {
	place := r.workspaceKey(owner)
	entries, err := callStore(ctx, r, "withdraw", storePatience, func(ctx context.Context) ([]entry, error) {
		if err := r.renew(ctx, r.releaseKey(owner)); err != nil {
			return nil, err
		}
		return r.entries(ctx, place)
	})
	if err != nil {
		return &tokenprovider.Error{Code: tokenprovider.CodeUnavailable,
			Err: errors.New("githubapp: Options.Store failed, so what other replicas gave the workspace isn't revoked; release it again")}
	}
	var revoked [][]byte
	var failures []error
	for _, e := range entries {
		t, err := r.open(ctx, e)
		if err == nil {
			err = revoke(t)
		}
		if err != nil && time.Now().Before(e.ExpiresAt) { // it may have died by itself meanwhile
			failures = append(failures, err)
			continue
		}
		revoked = append(revoked, e.Sealed)
	}
	if len(revoked) > 0 {
		// One that fails costs the next release a request for each.
		_ = r.call(context.WithoutCancel(ctx), "forget", func(ctx context.Context) error {
			return r.edit(ctx, place, func(entries []entry) []entry {
				return slices.DeleteFunc(entries, func(e entry) bool {
					return slices.ContainsFunc(revoked, func(sealed []byte) bool { return bytes.Equal(sealed, e.Sealed) })
				})
			})
		})
	}
	return errors.Join(failures...)
}
