package queue

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAStormLeavesNothingBehindAndKeepsToThePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places, waiters, keys = 16, 10_000, 40
		until := time.Now().Add(time.Second)
		q := New[int](places, func() time.Duration { return time.Until(until) })
		random := rand.New(rand.NewPCG(1, 2))
		upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
		var underWay, served, left atomic.Int64
		var all sync.WaitGroup
		for n := range waiters {
			starts, takes := upTo(5*time.Second), upTo(200*time.Millisecond)
			patience := 3 * time.Hour
			if n%2 == 0 {
				patience = upTo(20 * time.Second)
			}
			key, last, succeeds := random.IntN(keys), random.IntN(5) == 0, random.IntN(3) > 0
			all.Go(func() {
				time.Sleep(starts)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				leave, err := q.Enter(ctx, key, last)
				if err != nil {
					left.Add(1)
					return
				}
				if now := underWay.Add(1); now > places {
					t.Errorf("%d under way", now)
				}
				time.Sleep(takes)
				served.Add(1)
				underWay.Add(-1)
				leave(succeeds)
			})
		}
		time.Sleep(3 * time.Second)
		q.Limited(time.Minute)
		all.Wait()
		require.EqualValues(t, waiters, served.Load()+left.Load())
		require.GreaterOrEqual(t, served.Load(), int64(waiters/2), "who waits is served")
		require.Positive(t, left.Load())
		require.Zero(t, q.taken)
		require.Empty(t, q.lines)
		require.Empty(t, q.turns)
		require.Zero(t, q.Waiting())
	})
}

func TestWhoGivesUpLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[string](1, func() time.Duration { return time.Minute })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := q.Enter(ctx, "a", false)
		require.Error(t, err)
		require.Empty(t, q.lines)
		require.Empty(t, q.turns)
		time.Sleep(time.Minute) // until the look that is due
	})
}

func TestOnlySoManyLastTurnsAreKeptOfIdleKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held time.Duration
		q := New[int](2, func() time.Duration { return held })
		leave, err := q.Enter(t.Context(), -1, false)
		require.NoError(t, err)
		for key := range 5 * mostServed {
			leave, err := q.Enter(t.Context(), key, false)
			require.NoError(t, err)
			leave(true)
			if key == mostServed/2 {
				require.Greater(t, len(q.served), mostServed/2)
			}
			time.Sleep(time.Second)
		}
		require.LessOrEqual(t, len(q.served), mostServed+2)
		require.Contains(t, q.served, -1, "it isn't idle")

		held = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		for key := range 5 * mostServed { // and when many had something to do at once
			go func() { _, _ = q.Enter(ctx, key, true) }()
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		held = 0
		leave(true)
		_, err = q.Enter(t.Context(), -2, false)
		require.NoError(t, err)
		require.LessOrEqual(t, len(q.served), mostServed+2)
	})
}

func TestAClockThatIsSetBackCostsNoKeyItsTurn(t *testing.T) {
	q := New[string](1, func() time.Duration { return 0 })
	now := time.Now()
	q.served["a"] = now.Add(time.Hour).UnixNano()
	q.lineUp("a", now)
	q.served["b"] = now.Add(time.Second).UnixNano()
	q.lineUp("b", now.Add(2*time.Second))
	require.Equal(t, []string{"a", "b"}, q.turns)
	back := now.Add(-time.Hour)
	q.served["c"] = back.UnixNano() // those who wait don't do so for an hour
	q.lineUp("c", back)
	require.Equal(t, []string{"a", "b", "c"}, q.turns)

	var p pace
	for range nearLimit {
		p.took(now.Add(time.Hour))
	}
	require.True(t, p.isNear(now.Add(time.Hour)))
	require.False(t, p.isNear(now))
}
