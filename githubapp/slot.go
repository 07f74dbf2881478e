package githubapp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// slot is the place of an Installation's token in the store, as its [tokenprovider.Shared] sees it. That of a workspace
// is known by the workspace alone and remembers what the workspace was given before, so that any replica can revoke it.
type slot struct {
	replicas *replicas
	id       int64
	key      string // under which the token is sealed
	place    string // in the store
	memory   int    // entries that are kept

	generation atomic.Pointer[string]            // as it was when the store was asked last; nil: never
	seen       atomic.Pointer[[sha256.Size]byte] // of the sealed token that was loaded or saved last; nil: none
}

var _ tokenprovider.Store = (*slot)(nil)

// workspaceMemory bounds how many tokens of a workspace are remembered. One is replaced when three quarters of its life
// are over, so that two are alive, and more only after refusals.
const workspaceMemory = 16

// entry is a sealed token in the store.
type entry struct {
	Key        string    `json:"key"`
	Generation string    `json:"generation,omitempty"`
	Sealed     []byte    `json:"sealed"`
	ExpiresAt  time.Time `json:"expires_at"`
	Dropped    bool      `json:"dropped,omitempty"` // only kept to be revoked
}

// Load is the newest token of this key and of the installation's generation.
func (s *slot) Load(ctx context.Context, _ string) ([]byte, error) {
	generation, err := s.replicas.generation(ctx, s.id)
	if err != nil {
		return nil, err
	}
	s.generation.Store(&generation)
	entries, err := s.replicas.entries(ctx, s.place)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Key == s.key && e.Generation == generation && !e.Dropped {
			s.see(e.Sealed)
			return e.Sealed, nil
		}
	}
	return nil, nil
}

// Save puts a token in front. It is of the generation that was read before it was minted.
func (s *slot) Save(ctx context.Context, _ string, sealed []byte, ttl time.Duration) error {
	newest := entry{Key: s.key, Sealed: sealed, ExpiresAt: time.Now().Round(0).Add(ttl)}
	if generation := s.generation.Load(); generation != nil {
		newest.Generation = *generation
	}
	var before []entry
	if s.memory > 1 {
		var err error
		if before, err = s.replicas.entries(ctx, s.place); err != nil {
			return err
		}
	}
	entries := append([]entry{newest}, before...)
	if err := s.replicas.put(ctx, s.place, entries[:min(len(entries), s.memory)]); err != nil {
		return err
	}
	s.see(sealed)
	return nil
}

// Delete takes the tokens of this key out of use.
func (s *slot) Delete(ctx context.Context, _ string) error {
	if s.memory == 1 {
		return s.replicas.store.Delete(ctx, s.place)
	}
	entries, err := s.replicas.entries(ctx, s.place)
	if err != nil || len(entries) == 0 {
		return err
	}
	for n := range entries {
		entries[n].Dropped = entries[n].Dropped || entries[n].Key == s.key
	}
	return s.replicas.put(ctx, s.place, entries)
}

// TryLock locks the place.
func (s *slot) TryLock(ctx context.Context, _ string, ttl time.Duration) (func(context.Context) error, bool, error) {
	return s.replicas.store.TryLock(ctx, s.place, ttl)
}

func (s *slot) see(sealed []byte) {
	sum := sha256.Sum256(sealed)
	s.seen.Store(&sum)
}

// withdrawn reports whether another replica took the token that was seen here out of use. A store that fails says no.
func (s *slot) withdrawn(ctx context.Context) bool {
	seen := s.seen.Load()
	if seen == nil || s.replicas.rests() {
		return false
	}
	entries, err := callStore(ctx, s.replicas, "look", lookPatience, func(ctx context.Context) ([]entry, error) {
		return s.replicas.entries(ctx, s.place)
	})
	return err == nil && !slices.ContainsFunc(entries, func(e entry) bool {
		return !e.Dropped && sha256.Sum256(e.Sealed) == *seen
	}) && s.seen.CompareAndSwap(seen, nil)
}

// entries are those at place that live. A value that isn't a list of them counts as none.
func (r *replicas) entries(ctx context.Context, place string) ([]entry, error) {
	value, err := r.store.Load(ctx, place)
	if err != nil || value == nil {
		return nil, err
	}
	var entries []entry
	if json.Unmarshal(value, &entries) != nil {
		r.log.Warn("stored value isn't a list of sealed tokens", "key", place)
		return nil, nil
	}
	now := time.Now()
	return slices.DeleteFunc(entries, func(e entry) bool { return !now.Before(e.ExpiresAt) }), nil
}

// put replaces what is at place.
func (r *replicas) put(ctx context.Context, place string, entries []entry) error {
	var ttl time.Duration
	now := time.Now().Round(0)
	for _, e := range entries {
		ttl = max(ttl, e.ExpiresAt.Sub(now))
	}
	if ttl <= 0 {
		return r.store.Delete(ctx, place)
	}
	value, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return r.store.Save(ctx, place, value, ttl)
}

// sealed is one stored value as a store of its own, to open it.
type sealed []byte

var errSealed = errors.New("githubapp: a stored token can't be opened; every replica needs the keys that sealed it in Options.SealKeys")

func (s sealed) Load(context.Context, string) ([]byte, error)              { return bytes.Clone(s), nil }
func (s sealed) Save(context.Context, string, []byte, time.Duration) error { return errSealed }
func (s sealed) Delete(context.Context, string) error                      { return errSealed }
func (s sealed) TryLock(context.Context, string, time.Duration) (func(context.Context) error, bool, error) {
	return nil, false, errSealed
}

// open is the token that e seals.
func (r *replicas) open(ctx context.Context, e entry) (issued, error) {
	opener, err := tokenprovider.NewShared(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return "", time.Time{}, internal(errSealed)
	}), sealed(e.Sealed), tokenprovider.SharedOptions{Key: e.Key, SealKeys: r.sealKeys, MinTTL: -1})
	if err != nil {
		return issued{}, internal(err)
	}
	token, expiresAt, err := opener.Token(ctx)
	return issued{func() string { return token }, expiresAt}, err
}
