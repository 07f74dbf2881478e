package tokenprovider_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// fixed hands out what it was told to, and can be invalidated.
type fixed struct {
	mu          sync.Mutex
	token       string
	expiresAt   time.Time
	asked       int
	invalidated []string
}

func (f *fixed) Token(context.Context) (string, time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return f.token, f.expiresAt, nil
}

func (f *fixed) Invalidate(token string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.invalidated = append(f.invalidated, token)
	return false
}

func (f *fixed) set(token string, expiresAt time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.token, f.expiresAt = token, expiresAt
}

func (f *fixed) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func TestInvalidateConcernsExactlyTheTokenThatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		require.False(t, c.Invalidate("token-1"), "nothing is held")
		requireToken(t, c, "token-1")
		time.Sleep(5 * time.Second)
		require.False(t, c.Invalidate("token-0"))
		require.False(t, c.Invalidate("token-10"))
		require.False(t, c.Invalidate(""))
		requireToken(t, c, "token-1")
		require.True(t, c.Invalidate("token-1"))
		require.False(t, c.Invalidate("token-1"), "it is suspect already")
		require.Equal(t, tokenprovider.StateDegraded, c.Status().State)
		requireToken(t, c, "token-2")
		require.Equal(t, tokenprovider.StateFresh, c.Status().State)
	})
}

func TestOneReportInFiveMinutesIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		for range 3600 { // an hour in which every token is refused at once
			token, _, err := c.Token(t.Context())
			require.NoError(t, err)
			c.Invalidate(token)
			time.Sleep(time.Second)
		}
		require.Equal(t, 13, source.calls())
	})
}

func TestASuspectIsServedWhileNoOtherCanBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		time.Sleep(10 * time.Minute)
		source.breakWith(errors.New("down"))
		require.True(t, c.Invalidate("token-1"))
		calls := source.calls()
		for range 49 * 60 {
			requireToken(t, c, "token-1")
			require.Equal(t, tokenprovider.StateDegraded, c.Status().State)
			time.Sleep(time.Second)
		}
		require.LessOrEqual(t, source.calls()-calls, 60, "the back-off holds")
		source.breakWith(nil)
		time.Sleep(time.Minute)
		token, _, err := c.Token(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, "token-1", token)
	})
}

func TestAReportDelaysItsCallersByThreeSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		time.Sleep(10 * time.Minute)
		source.latency = 10 * time.Second
		require.True(t, c.Invalidate("token-1"))
		began := time.Now()
		requireToken(t, c, "token-1")
		require.Equal(t, 3*time.Second, time.Since(began))
		time.Sleep(8 * time.Second)
		requireToken(t, c, "token-2") // at once, though nobody waited for it any more
		require.Equal(t, 2, source.calls())
	})
}

func TestASuspectIsNotServedBeyondItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		time.Sleep(59 * time.Minute)
		requireToken(t, c, "token-2") // below the minimum
		time.Sleep(50 * time.Minute)
		source.breakWith(errors.New("down"))
		c.Invalidate("token-2")
		time.Sleep(10 * time.Minute)
		requireCode(t, c, tokenprovider.CodeUnavailable)
	})
}

func TestInvalidateIsPassedOnWhenItIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &fixed{token: "a", expiresAt: time.Now().Add(time.Hour)}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "a")
		c.Invalidate("a")
		require.Empty(t, source.invalidated)
		time.Sleep(5 * time.Second)
		c.Invalidate("other")
		c.Invalidate("a")
		c.Invalidate("a") // isn't believed a second time
		c.Invalidate("")
		require.Equal(t, []string{"other", "a"}, source.invalidated)
	})
}

func TestTheProviderIsToldBeforeItIsAskedForAnotherToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &broken{fixed: fixed{token: "a", expiresAt: time.Now().Add(time.Hour)}}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "a")
		time.Sleep(5 * time.Second)
		source.does = func() {
			requireToken(t, c, "a")
			source.set("b", time.Now().Add(time.Hour))
		}
		require.True(t, c.Invalidate("a"))
		require.Equal(t, 1, source.calls())
		requireToken(t, c, "b")

		source.does = func() {}
		require.True(t, c.Invalidate("a"), "the provider says that it had it")
	})
}

func TestASuspectStaysOneWhoseExpiryMovesCloser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &fixed{token: "a", expiresAt: time.Now().Add(time.Hour)}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "a")
		time.Sleep(5 * time.Second)
		require.True(t, c.Invalidate("a"))
		source.set("a", time.Now().Add(30*time.Minute))
		requireToken(t, c, "a")
		require.Equal(t, tokenprovider.StateDegraded, c.Status().State)
		source.set("b", time.Now().Add(time.Hour))
		time.Sleep(time.Second)
		requireToken(t, c, "b")
	})
}

func TestARefreshInFlightIsKeptUnlessItYieldsTheRefusedToken(t *testing.T) {
	for name, yields := range map[string]string{"another token": "new", "the same token": "old"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := make(chan string, 1)
				source := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
					return <-answers, time.Now().Add(time.Hour), nil
				})
				c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Settle: -1})
				answers <- "old"
				requireToken(t, c, "old")
				time.Sleep(46 * time.Minute)
				requireToken(t, c, "old") // starts the refresh
				synctest.Wait()
				require.True(t, c.Invalidate("old"))
				answers <- yields
				synctest.Wait()
				requireToken(t, c, yields)
				if yields == "old" {
					require.Equal(t, tokenprovider.StateDegraded, c.Status().State)
					answers <- "newer"
					time.Sleep(time.Second)
					requireToken(t, c, "newer")
				}
			})
		})
	}
}

func TestDropForgetsAtAnyAgeAndWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{life: time.Hour, latency: time.Second}
		c := tokenprovider.NewCache(source, nil)
		requireToken(t, c, "token-1")
		c.Drop()
		require.Equal(t, tokenprovider.StateEmpty, c.Status().State)

		var callers sync.WaitGroup
		// token-2 was asked for before the drop
		callers.Go(func() { requireToken(t, c, "token-3") })
		time.Sleep(500 * time.Millisecond)
		c.Drop()
		callers.Wait()
		require.Equal(t, 3, source.calls())
		require.Equal(t, uint64(3), c.Status().Mints)
	})
}

func TestNoChangeIsLostToAnotherAtTheSameTime(t *testing.T) {
	source := &issuer{life: time.Hour}
	c := tokenprovider.NewCache(source, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for ctx.Err() == nil {
				c.EndBackoff()
			}
		})
	}
	for range 500 {
		c.Drop()
		_, _, err := c.Token(t.Context())
		require.NoError(t, err)
	}
	cancel()
	others.Wait()
	require.Equal(t, uint64(source.calls()), c.Status().Mints)
}

// broken is a provider whose Invalidate does something else than to answer.
type broken struct {
	fixed
	does func()
}

func (b *broken) Invalidate(string) bool { b.does(); return true }

func TestAProviderThatBreaksWhenItIsToldCountsAsUntold(t *testing.T) {
	for name, does := range map[string]func(){
		"panics": func() { panic("a defect") }, "ends its goroutine": runtime.Goexit,
		"hangs": func() { time.Sleep(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				require.False(t, tokenprovider.Invalidate(&broken{does: does}, "token"))
				require.LessOrEqual(t, time.Since(began), 15*time.Second)
				time.Sleep(time.Hour) // for what hangs to end
			})
		})
	}
	require.False(t, tokenprovider.Invalidate(unwrapping{tokenprovider.Static("t")}, "t"))
}

func TestInvalidateAndStatusAreFoundThroughWrappers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := tokenprovider.NewCache(&issuer{life: time.Hour},
			&tokenprovider.CacheOptions{Name: "inner"})
		requireToken(t, c, "token-1")
		time.Sleep(5 * time.Second)
		wrapped := wrapper{wrapper{wrapper{c}}}
		status, ok := tokenprovider.StatusOf(wrapped)
		require.True(t, ok)
		require.Equal(t, "inner", status.Name)
		require.True(t, tokenprovider.Invalidate(wrapped, "token-1"))
	})

	loop := &cycle{}
	loop.TokenProvider = loop
	for _, p := range []tokenprovider.TokenProvider{
		nil, loop, wrapper{nil}, tokenprovider.Static("t"), opaque{tokenprovider.NewCache(nil, nil)},
	} {
		require.False(t, tokenprovider.Invalidate(p, "t"))
		_, ok := tokenprovider.StatusOf(p)
		require.False(t, ok)
	}
}

type wrapper struct{ tokenprovider.TokenProvider }

func (w wrapper) Unwrap() tokenprovider.TokenProvider { return w.TokenProvider }

// opaque hides what it wraps: it has no Unwrap.
type opaque struct{ tokenprovider.TokenProvider }

type cycle struct{ tokenprovider.TokenProvider }

func (c *cycle) Unwrap() tokenprovider.TokenProvider { return c }
