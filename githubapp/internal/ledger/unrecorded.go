package ledger

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/sync/errgroup"
)

// unrecorded is a token that was handed out while the Store couldn't be reached.
// A fleet must not go dark with its Store, so it is kept in memory and written
// in as soon as the Store answers, or revoked if the workspace was released
// meanwhile. A release by another replica can be told nil in between, which
// comes some seconds early then; a crash leaves a token that no release knows.
type unrecorded struct {
	generation string // "" where that couldn't be read
	entry
}

// keep has a token recorded later: that is tried until nothing is left unrecorded,
// for as long as the longest of the tokens lives.
func (l *Ledger) keep(key string, u unrecorded) {
	l.config.Logger.Warn("token handed out without a record: the store can't be reached",
		"key", key, "token_sha256", tokenprovider.TokenSHA256(u.Token), "expires_at", u.ExpiresAt)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unrecorded[key] = append(l.unrecorded[key], u)
	if !l.recording {
		l.recording = true
		time.AfterFunc(storeRest, l.recordLater)
	}
}

// life returns what a caller sees of the record at key, with what isn't in it yet;
// nothing of a nil one.
func (l *Ledger) life(key string, r *record) Life {
	if r == nil {
		return Life{}
	}
	life := Life{r.Generation, r.Tokens}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range l.unrecorded[key] {
		if u.generation == "" || u.generation == r.Generation {
			life.tokens = append(life.tokens, u.entry)
		}
	}
	return life
}

// recordLater records what isn't, of several workspaces at a time, and again after
// storeRest while something is left. In between a timer is all that there is of
// it.
func (l *Ledger) recordLater() {
	l.mu.Lock()
	keys := slices.Collect(maps.Keys(l.unrecorded))
	l.mu.Unlock()
	var calls errgroup.Group
	calls.SetLimit(atOnce)
	for n, key := range keys {
		record := func() error { _ = l.recordAll(context.Background(), key); return nil }
		if n == 0 {
			_ = record() // while one asks whether the Store is back, others do without
			continue
		}
		calls.Go(record)
	}
	_ = calls.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.recording = len(l.unrecorded) > 0; l.recording {
		time.AfterFunc(storeRest, l.recordLater)
	}
}

// pending returns what isn't recorded of one workspace.
func (l *Ledger) pending(key string) []unrecorded {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.unrecorded[key])
}

// recordAll records what isn't of one workspace, or revokes it. What neither can
// be done with stays for the next time, and is the error.
func (l *Ledger) recordAll(ctx context.Context, key string) error {
	var failures []error
	for _, u := range l.pending(key) {
		if u.lives(time.Now()) {
			err := l.record(ctx, key, u, "", true)
			if err == ErrReleased {
				err = l.config.Revoke(ctx, u.Token, u.For)
			}
			if err != nil && u.lives(time.Now()) {
				failures = append(failures, err)
				continue
			}
		}
		l.mu.Lock()
		left := slices.DeleteFunc(l.unrecorded[key], func(other unrecorded) bool { return other.is(u.Token) })
		if l.unrecorded[key] = left; len(left) == 0 {
			delete(l.unrecorded, key)
		}
		l.mu.Unlock()
	}
	return errors.Join(failures...)
}
