package githubapp

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// slot is the place of an Installation's token in the store, as its [tokenprovider.Shared] sees it. That of a workspace
// is known by the workspace alone and remembers what the workspace was given before, so that any replica can revoke it.
type slot struct {
	replicas   *replicas
	key        string // under which the token is sealed
	place      string // in the store
	generation string // key of the installation's mark
	release    string // key of the workspace's mark; "": it isn't a workspace's
}

var _ tokenprovider.Store = (*slot)(nil)

// workspaceMemory bounds how many tokens of a workspace are remembered: more than one that reports each as refused
// gets in the life of a token, one in five seconds.
const workspaceMemory = 1000

// begunKey is that of where a call has the epoch noted in which it began, in its ctx: calls overlap.
type begunKey struct{}

type begun = atomic.Pointer[epoch]

// epoch is the marks in force.
func (s *slot) epoch(ctx context.Context) (e epoch, err error) {
	if e.Generation, err = s.replicas.mark(ctx, s.generation); err == nil && s.release != "" {
		e.Release, err = s.replicas.mark(ctx, s.release)
	}
	return e, err
}

// Load is the newest token of this key and epoch.
func (s *slot) Load(ctx context.Context, _ string) ([]byte, error) {
	now, err := s.epoch(ctx)
	if err == nil {
		err = ctx.Err() // whoever didn't wait for the store any more is minting, and what was read may be younger than that
	}
	if err != nil {
		return nil, err
	}
	if b, ok := ctx.Value(begunKey{}).(*begun); ok {
		b.Store(&now)
	}
	entries, err := s.replicas.entries(ctx, s.place)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Key == s.key && e.epoch == now && !e.Dropped {
			return e.Sealed, nil
		}
	}
	return nil, nil
}

// Save puts a token in front. It is of the epoch that was read before it was minted.
func (s *slot) Save(ctx context.Context, _ string, sealed []byte, ttl time.Duration) error {
	newest := entry{Key: s.key, Sealed: sealed, ExpiresAt: time.Now().Round(0).Add(ttl)}
	if b, ok := ctx.Value(begunKey{}).(*begun); ok && b.Load() != nil {
		newest.epoch = *b.Load()
	}
	if s.release == "" {
		return s.replicas.put(ctx, s.place, []entry{newest})
	}
	return s.replicas.edit(ctx, s.place, func(before []entry) []entry {
		entries := append([]entry{newest}, before...)
		return entries[:min(len(entries), workspaceMemory)]
	})
}

// Delete takes the tokens of this key out of use.
func (s *slot) Delete(ctx context.Context, _ string) error {
	if s.release == "" {
		return s.replicas.store.Delete(ctx, s.place)
	}
	return s.replicas.edit(ctx, s.place, func(entries []entry) []entry {
		for n := range entries {
			entries[n].Dropped = entries[n].Dropped || entries[n].Key == s.key
		}
		return entries
	})
}

// Swap replaces the token of this key, or takes or gives up the lock of the place.
func (s *slot) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if strings.HasSuffix(key, "/lock") {
		return s.replicas.store.Swap(ctx, s.place+"/lock", old, new, ttl)
	}
	var err error
	if len(new) == 0 {
		err = s.Delete(ctx, key)
	} else {
		err = s.Save(ctx, key, new, ttl)
	}
	return err == nil, err
}

// TryLock locks the place.
func (s *slot) TryLock(ctx context.Context, _ string, ttl time.Duration) (func(context.Context) error, bool, error) {
	return s.replicas.store.TryLock(ctx, s.place, ttl)
}

// releaseMark is the workspace's mark, which a release changes; false when the store fails, and when the slot isn't a
// workspace's.
func (s *slot) releaseMark(ctx context.Context, patience time.Duration) (mark string, ok bool) {
	if s.release == "" {
		return "", false
	}
	mark, err := callStore(ctx, s.replicas, "look", patience, func(ctx context.Context) (string, error) {
		return s.replicas.mark(ctx, s.release)
	})
	return mark, err == nil
}
