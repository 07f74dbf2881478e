package workloadid

import (
	"context"
	"crypto"
	"log/slog"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/molecule-ai/provisionkit/internal/foreign"
)

const (
	keysAge    = 10 * time.Minute // after which a set is fetched anew: keys are also taken away
	mostAge    = 2 * keysAge      // after which a new one is waited for, while the issuer can be asked
	keysPause  = time.Minute      // between two fetches for keys that aren't known, and after one that failed
	firstPause = time.Second      // after one that failed while there are no keys
)

// keySet is an issuer's key set. It is fetched by one goroutine at a time, which
// ends with its fetch, whoever waits for it.
type keySet struct {
	load   func(ctx context.Context) ([]jose.JSONWebKey, error)
	logger *slog.Logger

	mu       sync.Mutex
	keys     []jose.JSONWebKey // nil: none were fetched yet
	loadedAt time.Time         // when these were
	err      error             // of the last fetch
	failedAt time.Time         // when that was
	soughtAt time.Time         // the last fetch for a key that isn't known
	sought   string            // that key's id
	fetching chan struct{}     // closed at its end; nil: no fetch runs
}

var _ keyFinder = (*keySet)(nil)

func (s *keySet) find(ctx context.Context, algorithm, id string) ([]crypto.PublicKey, error) {
	keys, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	if found := matching(keys, algorithm, id); len(found) > 0 {
		return found, nil
	}
	if keys, err = s.seek(ctx, id); err != nil {
		return nil, err
	}
	if found := matching(keys, algorithm, id); len(found) > 0 {
		return found, nil
	}
	return nil, unknownKey(id)
}

// begin fetches the set for the first time, and waits until ctx ends.
func (s *keySet) begin(ctx context.Context) {
	s.mu.Lock()
	done := s.fetch()
	s.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// current returns the keys that there are, and fetches them anew behind the
// caller's back when they are old. Without any it waits for them, and so it does
// when they are very old: then they are good for as long as there are no others.
func (s *keySet) current(ctx context.Context) ([]jose.JSONWebKey, error) {
	s.mu.Lock()
	if keys := s.keys; keys != nil {
		age := time.Since(s.loadedAt)
		if age <= keysAge || time.Since(s.failedAt) <= keysPause {
			s.mu.Unlock()
			return keys, nil
		}
		done := s.fetch()
		if age <= mostAge {
			s.mu.Unlock()
			return keys, nil
		}
		if now, _ := s.await(ctx, done); now != nil {
			return now, nil
		}
		return nil, ctx.Err()
	}
	if s.fetching == nil && time.Since(s.failedAt) < firstPause {
		defer s.mu.Unlock()
		return nil, s.unavailable(firstPause)
	}
	return s.await(ctx, s.fetch())
}

// seek returns the keys after another fetch, for the one with that id, which isn't
// among them. Within a minute after the last such fetch it returns what that
// brought, if it was for the same key: of another one nobody knows.
func (s *keySet) seek(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	s.mu.Lock()
	if s.fetching == nil && time.Since(s.soughtAt) < keysPause {
		defer s.mu.Unlock()
		left := time.Until(s.soughtAt.Add(keysPause))
		if err := s.unavailable(left); err != nil || s.sought == id {
			return s.keys, err
		}
		return nil, undecided(left, "the issuer has no key for it with the id %q as far as is known, "+
			"and was asked less than a minute ago", quote(id))
	}
	if s.fetching == nil {
		s.soughtAt, s.sought = time.Now(), id
	}
	return s.await(ctx, s.fetch())
}

// await returns the keys when a fetch is over. It is called with the lock held,
// and gives it back.
func (s *keySet) await(ctx context.Context, done <-chan struct{}) ([]jose.JSONWebKey, error) {
	s.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, s.unavailable(firstPause)
}

// unavailable returns the error of the last fetch, for who needed it; nil if it
// went well.
func (s *keySet) unavailable(retryAfter time.Duration) error {
	if s.err == nil {
		return nil
	}
	return undecided(retryAfter, "the issuer's keys can't be fetched: %w", s.err)
}

// fetch has the set fetched, unless it is being fetched, and returns what is
// closed at the end of that. It is called with the lock held.
func (s *keySet) fetch() <-chan struct{} {
	if s.fetching != nil {
		return s.fetching
	}
	done := make(chan struct{})
	s.fetching = done
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		keys, err := foreign.Within(ctx, "OIDCOptions.HTTPClient", s.load)
		s.mu.Lock()
		s.fetching, s.err = nil, err
		if err == nil {
			s.keys, s.loadedAt = keys, time.Now()
		} else {
			s.failedAt = time.Now()
		}
		held := len(s.keys)
		s.mu.Unlock()
		if err != nil {
			s.logger.ErrorContext(ctx, "key set can't be fetched", "held", held, "error", err)
		}
	}()
	return done
}
