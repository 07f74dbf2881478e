package githubapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// entry is a sealed token in the store.
type entry struct {
	Key string `json:"key"` // under which it is sealed
	epoch
	Sealed    []byte    `json:"sealed"`
	ExpiresAt time.Time `json:"expires_at"`
	Dropped   bool      `json:"dropped,omitempty"` // only kept to be revoked
}

// epoch is the marks that were in force when a token was begun to be minted. It is taken while they are.
type epoch struct {
	Generation string `json:"generation,omitempty"` // of the installation
	Release    string `json:"release,omitempty"`    // of the workspace
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

// listPatience is how long a change of a list may take, and how long another waits for it: a replica that dies in the
// middle doesn't make others fail.
const listPatience = storePatience / 2

// edit changes the list at place, under a lock of its own, so that nothing is lost that another replica adds meanwhile. The
// lock of the place itself is held for as long as a mint takes.
func (r *replicas) edit(ctx context.Context, place string, change func([]entry) []entry) error {
	unlock, until, err := r.lockList(ctx, place)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listPatience)
		defer cancel()
		_ = unlock(ctx) // it ends by itself
	}()
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	entries, err := r.entries(ctx, place)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // the store doesn't heed it, and the lock is over
		return err
	}
	return r.put(ctx, place, change(entries))
}

// lockList locks the list at place, until it is unlocked or until then: the store may have taken a while to answer.
func (r *replicas) lockList(ctx context.Context, place string) (unlock func(context.Context) error, until time.Time, err error) {
	over := time.Now().Add(listPatience)
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		until = time.Now().Add(listPatience)
		unlock, ok, err := r.store.TryLock(ctx, place+"/list", listPatience)
		if err != nil || ok {
			return unlock, until, err
		}
		left := time.Until(over)
		if left <= 0 {
			return nil, until, errors.New("the list is being changed by other replicas all the time")
		}
		select {
		case <-time.After(min(wait, left)):
		case <-ctx.Done():
			return nil, until, ctx.Err()
		}
	}
}

// sealed is one stored value as a store of its own, to open it.
type sealed []byte

var errSealed = errors.New("githubapp: a stored token can't be opened; every replica needs the keys that sealed it in Options.SealKeys")

func (s sealed) Load(context.Context, string) ([]byte, error) { return bytes.Clone(s), nil }
func (s sealed) Swap(context.Context, string, []byte, []byte, time.Duration) (bool, error) {
	return false, errSealed
}
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
	token, expiresAt, err := opener.Token(tokenprovider.WithMinTTL(ctx, 0)) // whatever life the caller wishes for
	return issued{secret.New(token), expiresAt}, err
}
