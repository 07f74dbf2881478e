package tokenprovider_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestAProviderThatIgnoresItsContextIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int64
		source := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			if calls.Add(1) == 1 {
				<-release
				return "late", time.Time{}, nil
			}
			return "second", time.Time{}, nil
		})
		c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{MintTimeout: time.Second})
		started := time.Now()
		err := requireCode(t, c, tokenprovider.CodeUnavailable)
		require.ErrorContains(t, err, "no answer within 1s")
		require.NotErrorIs(t, err, context.DeadlineExceeded, "it isn't the caller's deadline")
		require.Equal(t, time.Second, time.Since(started))

		time.Sleep(time.Second)
		requireToken(t, c, "second")
		close(release)
		synctest.Wait()
		requireToken(t, c, "second")
	})
}

func TestMintTimeoutIsFifteenSecondsForLessThanNothingToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		c := tokenprovider.NewCache(&issuer{latency: time.Hour}, &tokenprovider.CacheOptions{MintTimeout: -1})
		requireCode(t, c, tokenprovider.CodeUnavailable)
		require.Equal(t, 15*time.Second, time.Since(started))
	})
}

func TestTheProvidersOwnContextErrorIsNotTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
			c := cacheOver(func(context.Context) (string, time.Time, error) {
				return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeRateLimited,
					RetryAfter: time.Minute, Err: fmt.Errorf("dial the forge: %w", cause)}
			})
			err := requireCode(t, c, tokenprovider.CodeRateLimited)
			require.Equal(t, time.Minute, tokenprovider.RetryAfter(err))
			require.NotErrorIs(t, err, cause)
			require.ErrorContains(t, err, "dial the forge")
		}
	})
}

func TestADefectiveProviderIsAnErrorAndHurtsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		provide func() (string, time.Time, error)
		text    string
	}{
		"it panics":                   {func() (string, time.Time, error) { panic("a value with a secret-value in it") }, "panicked: a value of type string"},
		"it dereferences nil":         {func() (string, time.Time, error) { var p *issuer; return "", time.Time{}, *p.fail.Load() }, "nil pointer dereference"},
		"it ends its goroutine":       {func() (string, time.Time, error) { runtime.Goexit(); return "", time.Time{}, nil }, "runtime.Goexit"},
		"it delivers nothing":         {func() (string, time.Time, error) { return "", time.Time{}, nil }, "empty token"},
		"it delivers a dead token":    {func() (string, time.Time, error) { return "dead", time.Now().Add(-time.Minute), nil }, "expired"},
		"it delivers one dying now":   {func() (string, time.Time, error) { return "dead", time.Now(), nil }, "expired"},
		"it delivers one of year one": {func() (string, time.Time, error) { return "dead", time.Time{}.Add(time.Hour), nil }, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var healthy atomic.Bool
				cache := cacheOver(func(context.Context) (string, time.Time, error) {
					if healthy.Load() {
						return "good", time.Now().Add(time.Hour), nil
					}
					return c.provide()
				})
				var callers sync.WaitGroup
				for range 10 {
					callers.Go(func() {
						err := requireCode(t, cache, tokenprovider.CodeInternal)
						require.ErrorContains(t, err, c.text)
						require.NotContains(t, err.Error(), "secret-value")
					})
				}
				callers.Wait()

				healthy.Store(true)
				time.Sleep(30 * time.Second)
				requireToken(t, cache, "good")

				healthy.Store(false)
				time.Sleep(59 * time.Minute)
				requireToken(t, cache, "good")
			})
		})
	}
}

// defectiveError panics when it is used, as a nil pointer in an error does.
type defectiveError struct{ text *string }

func (e *defectiveError) Error() string { return *e.text }

func TestAnErrorWhoseMethodsPanicHurtsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cacheOver(func(context.Context) (string, time.Time, error) {
			var none *defectiveError
			return "", time.Time{}, none
		})
		err := requireCode(t, c, tokenprovider.CodeInternal)
		require.ErrorContains(t, err, "the provider panicked")
		require.Equal(t, tokenprovider.StateFailing, c.Status().State)
	})
}

// fickle is an error whose methods panic when they are asked for the first
// time.
type fickle struct{ method string }

func (f fickle) does(method string) {
	if method == f.method {
		panic("a defect")
	}
}

func (f fickle) Error() string { f.does("Error"); return "fickle" }
func (f fickle) As(any) bool   { f.does("As"); return false }
func (f fickle) Is(error) bool { f.does("Is"); return false }
func (f fickle) Unwrap() error { f.does("Unwrap"); return nil }

func TestAnErrorIsAskedForNothingOutsideTheGuard(t *testing.T) {
	for _, method := range []string{"Error", "As", "Is", "Unwrap"} {
		synctest.Test(t, func(t *testing.T) {
			c := cacheOver(func(context.Context) (string, time.Time, error) {
				return "", time.Time{}, fickle{method}
			})
			err := requireCode(t, c, tokenprovider.CodeInternal)
			require.ErrorContains(t, err, "the provider panicked", method)
			require.Equal(t, err.Error(), c.Status().LastError)
		})
	}
}

// unwrapping is a wrapper whose Unwrap panics.
type unwrapping struct{ tokenprovider.TokenProvider }

func (unwrapping) Unwrap() tokenprovider.TokenProvider { panic("a defect") }

func TestAWrapperThatPanicsAfterTheCallIsADefectToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := tokenprovider.NewCache(unwrapping{tokenprovider.Static("t")}, nil)
		require.ErrorContains(t, requireCode(t, c, tokenprovider.CodeInternal),
			"the provider panicked")
	})
}

func TestAFunctionOfAKeyedThatBreaksIsAskedAgain(t *testing.T) {
	for name, breaks := range map[string]func(){
		"it panics":             func() { panic("a value with a secret-value in it") },
		"it ends its goroutine": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := true
				k := tokenprovider.NewKeyed(func(string) tokenprovider.TokenProvider {
					if broken {
						breaks()
					}
					return &issuer{life: time.Hour}
				}, nil)
				err := requireCode(t, k.Get("a"), tokenprovider.CodeInternal)
				require.ErrorContains(t, err, "the function that makes providers")
				require.NotContains(t, err.Error(), "secret-value")
				broken = false
				requireToken(t, k.Get("a"), "token-1")
				require.Same(t, k.Get("a"), k.Get("a"))
			})
		})
	}
}

func TestWhatBreaksUnderASharedIsAnErrorOfIt(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func()
		text   string
	}{
		"it panics":             {func() { panic("a value with a secret-value in it") }, "panicked: a value of type string"},
		"it ends its goroutine": {runtime.Goexit, "ended its goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
					c.breaks()
					return "", time.Time{}, nil
				})
				shared := newShared(t, source, tokenprovidertest.NewStore())
				err := requireCode(t, shared, tokenprovider.CodeInternal)
				require.ErrorContains(t, err, "tokenprovider: the provider "+c.text)
				require.NotContains(t, err.Error(), "secret-value")
			})
		})
	}
}
