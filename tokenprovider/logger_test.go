package tokenprovider_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// handler is a slog.Handler whose every call does something else than to log.
type handler func()

func (h handler) Enabled(context.Context, slog.Level) bool  { h(); return true }
func (h handler) Handle(context.Context, slog.Record) error { h(); return nil }
func (h handler) WithAttrs([]slog.Attr) slog.Handler        { h(); return h }
func (h handler) WithGroup(string) slog.Handler             { h(); return h }

// withBadLoggers runs test in a bubble with each logger that does what it must
// not, and with the longest time that it may cost.
func withBadLoggers(t *testing.T, test func(*testing.T, *slog.Logger, time.Duration)) {
	for name, does := range map[string]func(){
		"panics":             func() { panic("broken pipe") },
		"ends its goroutine": runtime.Goexit,
	} {
		t.Run("a handler that "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, slog.New(handler(does)), 0) })
		})
	}
	t.Run("a handler that hangs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			end := make(chan struct{})
			defer close(end)
			test(t, slog.New(handler(func() { <-end })), time.Second)
		})
	})
}

func TestALogHandlerThatBreaksLeavesNoCallerOfACacheWaiting(t *testing.T) {
	withBadLoggers(t, func(t *testing.T, logger *slog.Logger, most time.Duration) {
		began := time.Now()
		source := &issuer{life: time.Hour}
		c := tokenprovider.NewCache(source, &tokenprovider.CacheOptions{Logger: logger})
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() { requireToken(t, c, "token-1") })
		}
		callers.Wait()
		require.LessOrEqual(t, time.Since(began), most,
			"the first record is waited for, and no other")

		time.Sleep(10*time.Second - time.Since(began))
		require.True(t, c.Invalidate("token-1"))
		source.breakWith(errors.New("down"))
		requireToken(t, c, "token-1")
		panics := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			panic("a defect")
		})
		opts := &tokenprovider.CacheOptions{Logger: logger}
		requireCode(t, tokenprovider.NewCache(panics, opts), tokenprovider.CodeInternal)
		require.LessOrEqual(t, time.Since(began), 10*time.Second+most)
	})
}

func TestALogHandlerThatBreaksLeavesNoCallerOfASharedWaiting(t *testing.T) {
	withBadLoggers(t, func(t *testing.T, logger *slog.Logger, most time.Duration) {
		logs := func(o *tokenprovider.SharedOptions) { o.Logger = logger }
		began := time.Now()
		store := tokenprovidertest.NewStore()
		shared := newShared(t, &issuer{life: time.Hour}, store, logs)
		requireToken(t, shared, "token-1")
		requireToken(t, shared, "token-1")
		require.True(t, shared.Invalidate("token-1"))
		requireToken(t, shared, "token-2")
		require.NoError(t, shared.Drop(t.Context()))
		require.LessOrEqual(t, time.Since(began), most)
		synctest.Wait()

		began = time.Now()
		faulty := newFaulty("all", func(context.Context) error { panic("a value") })
		requireToken(t, newShared(t, &issuer{life: time.Hour}, faulty, logs), "token-1")
		require.LessOrEqual(t, time.Since(began), 2*most,
			"of a call that failed, and of what was saved")
		time.Sleep(time.Minute)
	})
}

func TestALogHandlerThatBreaksHurtsNoCacheOfAKeyed(t *testing.T) {
	withBadLoggers(t, func(t *testing.T, logger *slog.Logger, most time.Duration) {
		began := time.Now()
		k := tokenprovider.NewKeyed(func(key string) tokenprovider.TokenProvider {
			if key == "none" {
				panic("a defect")
			}
			return &issuer{life: time.Hour}
		}, &tokenprovider.CacheOptions{Logger: logger})
		requireToken(t, k.Get("a"), "token-1")
		requireCode(t, k.Get("none"), tokenprovider.CodeInternal)
		requireToken(t, k.Get("b"), "token-1")
		require.LessOrEqual(t, time.Since(began), most)
	})
}
