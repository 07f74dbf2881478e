package queue_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/queue"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const places = 16

func free() time.Duration { return 0 }

// request waits for a place, keeps it for so long, and succeeds.
func request(t *testing.T, q *queue.Queue[string], key string, takes time.Duration) {
	leave, err := q.Enter(t.Context(), key, false)
	if err != nil {
		t.Error(err)
		return
	}
	time.Sleep(takes)
	leave(true)
}

func TestASlowKeyKeepsNoOtherWaiting(t *testing.T) {
	for name, slow := range map[string][]string{"one": {"a"}, "five": {"a", "b", "c", "d", "e"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := queue.New[string](places, free)
				var all sync.WaitGroup
				for range 50 {
					for _, key := range slow {
						all.Go(func() { request(t, q, key, 10*time.Second) })
					}
				}
				// At any time: while the first of each key is under way, and when
				// they take all the places that they may.
				for n := range 60 {
					start := time.Now()
					request(t, q, fmt.Sprint("other-", n), 100*time.Millisecond)
					require.LessOrEqual(t, time.Since(start), 1100*time.Millisecond)
					time.Sleep(time.Second)
				}
				all.Wait()
			})
		})
	}
}

func TestNearTheLimitRequestsGoOneAtATime(t *testing.T) {
	const limit = 180
	for name, c := range map[string]struct {
		takes  time.Duration
		refuse bool
		most   int // refusals
	}{
		"the limit is there": {400 * time.Millisecond, true, 1},
		"requests are slow":  {2500 * time.Millisecond, true, 3},
		"there is no limit":  {100 * time.Millisecond, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent, refused, until atomic.Int64
				q := queue.New[string](places, func() time.Duration { return time.Until(time.Unix(0, until.Load())) })
				var all sync.WaitGroup
				began := time.Now()
				for n := range 1000 {
					all.Go(func() {
						leave, err := q.Enter(t.Context(), fmt.Sprint(n%40), false)
						require.NoError(t, err)
						over := c.refuse && sent.Add(1) > limit && time.Since(began) < time.Minute
						time.Sleep(c.takes)
						if over {
							refused.Add(1)
							q.Limited(time.Minute)
							until.Store(time.Now().Add(time.Minute).UnixNano())
						}
						leave(!over)
					})
				}
				all.Wait()
				require.LessOrEqual(t, int(refused.Load()), c.most, "refusals")
				if !c.refuse {
					require.Less(t, time.Since(began), 20*time.Second)
				}
			})
		})
	}
}

func TestKeysTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](1, free)
		leave, err := q.Enter(t.Context(), "z", false)
		require.NoError(t, err)
		var mu sync.Mutex
		var order strings.Builder
		var all sync.WaitGroup
		for _, key := range strings.Split("aaabbc", "") {
			all.Go(func() {
				leave, err := q.Enter(t.Context(), key, false)
				require.NoError(t, err)
				mu.Lock()
				order.WriteString(key)
				mu.Unlock()
				leave(true)
			})
			synctest.Wait()
		}
		leave(true)
		all.Wait()
		require.Equal(t, "abcaba", order.String())
	})
}

func TestAKeyThatHadNothingToDoGoesBeforeBusyOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](1, free)
		var busy, all sync.WaitGroup
		for n := range 30 {
			for range 20 {
				busy.Go(func() { request(t, q, fmt.Sprint("busy-", n), time.Second) })
			}
		}
		time.Sleep(45500 * time.Millisecond) // each had a turn
		for n := range 10 {
			start := time.Now()
			request(t, q, fmt.Sprint("new-", n), time.Second)
			require.LessOrEqual(t, time.Since(start), 2*time.Second, "the one that is under way, and its own")
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for n := range 1000 { // more of them than there are places for
			all.Go(func() {
				time.Sleep(time.Duration(n) * time.Second / 2)
				if leave, err := q.Enter(ctx, fmt.Sprint("flood-", n), false); err == nil {
					time.Sleep(time.Second)
					leave(true)
				}
			})
		}
		start := time.Now()
		busy.Wait()
		require.Less(t, time.Since(start), 600*3*time.Second, "each gets its turns, however many are new")
		cancel()
		all.Wait()
	})
}

func TestTheFirstRequestOfAKeyGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](places, free)
		var underWay atomic.Int64
		var outcome atomic.Bool
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				leave, err := q.Enter(t.Context(), "a", false)
				require.NoError(t, err)
				underWay.Add(1)
				time.Sleep(time.Second)
				underWay.Add(-1)
				leave(outcome.Load())
			})
		}
		for range 3 { // each fails, and the next one goes alone as well
			time.Sleep(500 * time.Millisecond)
			require.EqualValues(t, 1, underWay.Load())
			time.Sleep(500 * time.Millisecond)
		}
		outcome.Store(true)
		time.Sleep(time.Second)
		synctest.Wait()
		require.EqualValues(t, places/2, underWay.Load(), "and then as many as leave others the same")
		outcome.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, underWay.Load(), "until one fails")
		all.Wait()

		all.Go(func() { request(t, q, "a", time.Second) })
		all.Go(func() { request(t, q, "a", time.Second) })
		start := time.Now()
		all.Wait()
		require.Equal(t, 2*time.Second, time.Since(start), "when nothing was under way, it isn't known")
	})
}

func TestAContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](1, free)
		leave, err := q.Enter(t.Context(), "a", false)
		require.NoError(t, err)
		for _, key := range []string{"a", "b"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			start := time.Now()
			_, err = q.Enter(ctx, key, false)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "waiting for one of 1 places")
			require.Equal(t, time.Second, time.Since(start))
			require.Zero(t, q.Waiting())
		}
		leave(true)
		request(t, q, "b", 0)
	})
}

func TestAPlaceThatComesAsTheWaitEndsIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](1, free)
		for range 100 {
			leave, err := q.Enter(t.Context(), "a", false)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				if leave, err := q.Enter(ctx, "b", false); err == nil {
					leave(true)
				}
			}()
			synctest.Wait()
			cancel()
			leave(true)
			synctest.Wait()
		}
	})
}

func TestWhatCanWaitGoesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](1, free)
		leave, err := q.Enter(t.Context(), "z", false)
		require.NoError(t, err)
		var order []string
		var all sync.WaitGroup
		for _, w := range []struct {
			key  string
			last bool
		}{{"a", true}, {"b", true}, {"a", true}, {"a", false}, {"b", false}, {"c", false}, {"a", false}} {
			all.Go(func() {
				leave, err := q.Enter(t.Context(), w.key, w.last)
				require.NoError(t, err)
				if w.last {
					order = append(order, "last")
				} else {
					order = append(order, w.key)
				}
				leave(true)
			})
			synctest.Wait()
		}
		leave(true)
		all.Wait()
		require.Equal(t, []string{"a", "b", "c", "a", "last", "last", "last"}, order)
	})
}

func TestNobodyIsLetThroughWhileAllAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var longer atomic.Int64
		until := time.Now().Add(time.Minute)
		q := queue.New[string](places, func() time.Duration { return time.Until(until) + time.Duration(longer.Load()) })
		start := time.Now()
		var all sync.WaitGroup
		for _, key := range []string{"a", "b", "c"} {
			all.Go(func() {
				request(t, q, key, 0)
				require.Equal(t, 90*time.Second, time.Since(start))
			})
		}
		time.Sleep(30 * time.Second)
		longer.Store(int64(30 * time.Second)) // than was said
		require.Equal(t, 3, q.Waiting())
		all.Wait()
		require.Zero(t, q.Waiting())
	})
}

// taken asks for more than can be had for so long, and returns how many requests
// were let through.
func taken(t *testing.T, q *queue.Queue[string], d time.Duration) (n int) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	for ctx.Err() == nil {
		leave, err := q.Enter(ctx, "a", false)
		if err != nil {
			break
		}
		n++
		time.Sleep(100 * time.Millisecond)
		leave(true)
	}
	return n
}

func TestALimitThatWasFoundIsKeptToForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](places, free)
		taken(t, q, time.Hour) // only the last minute counts
		q.Limited(time.Minute)
		require.InDelta(t, 600*9/10, taken(t, q, time.Minute), 10)
		start := time.Now()
		for time.Since(start) < 58*time.Minute {
			require.InDelta(t, 600*9/10, taken(t, q, time.Minute), 10)
		}
		time.Sleep(2 * time.Minute)
		require.InDelta(t, 600, taken(t, q, time.Minute), 1)

		q.Limited(time.Minute)
		for range 10 {
			time.Sleep(2 * time.Second)
			q.Limited(time.Minute) // those that were under way
		}
		require.InDelta(t, 600*9/10, taken(t, q, time.Minute), 10)
		q.Limited(time.Minute) // that was too many still
		require.InDelta(t, 600*9/10*9/10, taken(t, q, time.Minute), 20)
	})
}

func TestALimitIsFoundInTheWindowThatTheForgeNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](places, free)
		taken(t, q, 10*time.Second)
		q.Limited(10 * time.Second)
		require.InDelta(t, 100*9/10, taken(t, q, 10*time.Second), 3)

		q = queue.New[string](places, free)
		for range 100 {
			request(t, q, "a", 0)
		}
		q.Limited(time.Minute)
		require.InDelta(t, 100*9/10, taken(t, q, time.Minute), 3)
	})
}

func TestALimitOfSecondsIsWaitedForAndNotKeptTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](places, free)
		taken(t, q, time.Minute)
		q.Limited(2 * time.Second)
		require.InDelta(t, 600, taken(t, q, time.Minute), 1)
	})
}

func TestALimitThatOthersReachedIsNotKeptTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[string](places, free)
		for range 25 { // of the 180 of all replicas
			request(t, q, "a", 2*time.Second)
		}
		q.Limited(time.Minute)
		require.InDelta(t, 600, taken(t, q, time.Minute), 1)
	})
}

func TestAHoldThatEndsEarlyKeepsNobodyWaiting(t *testing.T) {
	for name, told := range map[string]bool{"told by another request": true, "told by nobody": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var until atomic.Int64
				q := queue.New[string](places, func() time.Duration { return time.Until(time.Unix(until.Load(), 0)) })
				taken(t, q, time.Minute)
				q.Limited(time.Minute) // so that there is a pace, too
				until.Store(time.Now().Add(time.Hour).Unix())
				var waiting sync.WaitGroup
				for n := range 3 {
					waiting.Go(func() { request(t, q, fmt.Sprint(n), 0) })
				}
				time.Sleep(11 * time.Second)
				until.Store(0)
				opened, most := time.Now(), 5*time.Second
				if told {
					request(t, q, "another", 0)
					most = time.Second
				}
				waiting.Wait()
				require.Less(t, time.Since(opened), most)
			})
		})
	}
}

func TestNothingRunsWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		looks := 0
		q := queue.New[string](places, func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			looks++
			return time.Hour
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := q.Enter(ctx, "a", false)
		require.Error(t, err)
		synctest.Wait()
		stacks := make([]byte, 1<<20)
		before := strings.Count(string(stacks[:runtime.Stack(stacks, true)]), ", synctest bubble ")
		time.Sleep(48 * time.Hour)
		require.Equal(t, before, strings.Count(string(stacks[:runtime.Stack(stacks, true)]), ", synctest bubble "))
		require.Equal(t, 1, looks)
	})
}
