package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// world is a source of tokens at its worst: its latency, its failures and the
// lives of its tokens are random. It keeps account of what a cache must not do.
type world struct {
	t *testing.T

	mu       sync.Mutex
	random   *rand.Rand
	minted   int
	asked    int
	asking   bool
	notUntil time.Time            // the earliest that the back-off allows the next call
	expiry   map[string]time.Time // of every token delivered
}

func (w *world) n(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(n)
}

func (w *world) Token(ctx context.Context) (string, time.Time, error) {
	w.mu.Lock()
	w.asked++
	assert.False(w.t, w.asking, "the provider is asked by one goroutine at a time")
	assert.False(w.t, time.Now().Before(w.notUntil), "the provider is asked during a back-off")
	w.asking = true
	w.mu.Unlock()
	asked := time.Now()
	defer func() {
		w.mu.Lock()
		w.asking = false
		w.mu.Unlock()
	}()

	select {
	case <-time.After(time.Duration(w.n(12_000)) * time.Millisecond / time.Duration(1+w.n(100))):
	case <-ctx.Done():
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	wait := 800 * time.Millisecond
	defer func() { w.notUntil = time.Now().Add(wait) }()
	switch w.random.IntN(13) {
	case 0:
		return "", time.Time{}, errors.New("connection reset")
	case 1:
		wait = 30 * time.Second
		return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeForbidden}
	case 2:
		wait = time.Duration(w.random.IntN(600)) * time.Second
		return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeRateLimited,
			RetryAfter: wait}
	case 3:
		wait = 30 * time.Second
		panic("a defect")
	case 4:
		wait = 30 * time.Second
		return "", time.Time{}, nil
	case 5:
		wait = 30 * time.Second
		return "dead", asked, nil
	case 6:
		if time.Now().After(asked) {
			return "died on its way", time.Now(), nil
		}
	}
	wait = 0
	w.minted++
	token := fmt.Sprintf("token-%d", w.minted)
	if w.random.IntN(50) == 0 {
		w.expiry[token] = time.Now().Add(1000 * time.Hour)
		return token, time.Time{}, nil
	}
	w.expiry[token] = time.Now().Add(time.Duration(10+w.random.IntN(7200)) * time.Second)
	return token, w.expiry[token], nil
}

// call asks the cache as one of its callers, and checks the answer.
func (w *world) call(c *tokenprovider.Cache) {
	ctx, deadline := w.t.Context(), time.Hour
	if w.n(2) == 0 {
		deadline = time.Duration(w.n(4000)) * time.Millisecond
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, deadline)
		defer cancel()
	}
	if w.n(4) == 0 {
		ctx = tokenprovider.WithMinTTL(ctx, time.Duration(w.n(7200))*time.Second)
	}

	started := time.Now()
	token, expiresAt, err := c.Token(ctx)
	require.LessOrEqual(w.t, time.Since(started), min(deadline, time.Minute), "nobody is stuck")
	if err != nil {
		require.Empty(w.t, token)
		return
	}
	w.mu.Lock()
	expiry := w.expiry[token]
	w.mu.Unlock()
	require.True(w.t, time.Now().Before(expiry), "an expired token was served")
	require.True(w.t, expiresAt.IsZero() || expiresAt.Equal(expiry), "an expiry was changed")
	switch w.n(20) {
	case 0:
		time.Sleep(time.Duration(w.n(10)) * time.Second)
		c.Invalidate(token)
	case 1:
		if w.n(20) == 0 {
			c.Drop()
		}
	}
}

func TestWhateverHappensACacheKeepsItsPromises(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{
					t: t, random: rand.New(rand.NewPCG(seed, 0)),
					expiry: make(map[string]time.Time),
				}
				c := tokenprovider.NewCache(w, nil)
				ends := time.Now().Add(24 * time.Hour)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if seed%2 == 0 {
					go func() { _ = c.KeepFresh(ctx) }()
				}
				var callers sync.WaitGroup
				for range 8 {
					callers.Go(func() {
						for time.Now().Before(ends) {
							w.call(c)
							time.Sleep(time.Duration(w.n(120_000)) * time.Millisecond)
						}
					})
				}
				callers.Wait()
				cancel()
				time.Sleep(time.Minute) // a refresh may still be under way
				synctest.Wait()
				require.NotZero(t, w.minted)
				require.NotZero(t, c.Status().Failures)
			})
		})
	}
}
