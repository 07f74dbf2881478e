package foreign_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"

	"encoding/json"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/stretchr/testify/require"
)

func TestLoggerHandsOnAllThatItIsGiven(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return foreign.Logger(slog.New(slog.NewJSONHandler(&out, nil))).Handler()
	}, func(t *testing.T) map[string]any {
		var record map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &record))
		return record
	})
}

func TestLoggerAsksTheHandlerForItsLevel(t *testing.T) {
	var out bytes.Buffer
	logger := foreign.Logger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	logger.Info("quiet")
	logger.Warn("loud")
	require.NotContains(t, out.String(), "quiet")
	require.Contains(t, out.String(), "loud")
}

func TestLoggerOfNilDiscards(t *testing.T) {
	logger := foreign.Logger(nil)
	require.False(t, logger.Enabled(t.Context(), slog.LevelError))
	require.Same(t, logger, foreign.Logger(logger))
}

func TestLoggerIsGuardedOnce(t *testing.T) {
	guarded := foreign.Logger(slog.Default())
	require.Same(t, guarded, foreign.Logger(guarded))
}

// breaking is a handler whose every method does something else than it should.
type breaking struct{ does func() }

func (b breaking) Enabled(context.Context, slog.Level) bool  { b.does(); return true }
func (b breaking) Handle(context.Context, slog.Record) error { b.does(); return nil }
func (b breaking) WithAttrs([]slog.Attr) slog.Handler        { b.does(); return b }
func (b breaking) WithGroup(string) slog.Handler             { b.does(); return nil }

func TestALogHandlerThatBreaksHurtsNobody(t *testing.T) {
	for name, does := range map[string]func(){
		"panics":             func() { panic("broken pipe") },
		"ends its goroutine": runtime.Goexit,
		"makes a nil":        func() {},
	} {
		t.Run(name, func(t *testing.T) {
			logger := foreign.Logger(slog.New(breaking{does}))
			logger.Info("event")
			logger.With("key", "value").WithGroup("group").With("key", "value").Error("event")
		})
	}
}

// stuck is a handler that hangs until it is let go.
type stuck struct {
	slog.Handler
	calls *atomic.Int64
	let   chan struct{}
}

func (s stuck) Handle(ctx context.Context, r slog.Record) error {
	s.calls.Add(1)
	<-s.let
	return s.Handler.Handle(ctx, r)
}

func TestALogHandlerThatHangsIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		inside := stuck{slog.NewTextHandler(&out, nil), new(atomic.Int64), make(chan struct{})}
		logger := foreign.Logger(slog.New(inside))
		began := time.Now()
		for range 10 {
			logger.Info("event")
		}
		require.Equal(t, time.Second, time.Since(began))
		require.EqualValues(t, 1, inside.calls.Load())

		close(inside.let)
		synctest.Wait()
		logger.Info("back")
		require.Contains(t, out.String(), "back")
		require.Zero(t, time.Since(began)-time.Second)
	})
}

func TestARecordThatAHangingHandlerDoesNotGetIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := stuck{slog.NewTextHandler(io.Discard, nil), new(atomic.Int64), make(chan struct{})}
		logger := foreign.Logger(slog.New(inside))
		for range 3 {
			require.True(t, logger.Enabled(t.Context(), slog.LevelInfo), "who has to know gets to Handle")
			require.Equal(t, foreign.ErrNoAnswer, logger.Handler().Handle(t.Context(), slog.Record{}))
		}
		require.EqualValues(t, 1, inside.calls.Load())
		close(inside.let)
	})
}

func TestARecordOutlivesTheContextItCameWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		inside := stuck{slog.NewTextHandler(&out, nil), new(atomic.Int64), make(chan struct{})}
		time.AfterFunc(time.Millisecond, func() { close(inside.let) })
		over, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, foreign.Logger(slog.New(inside)).Handler().Handle(over, slog.Record{Message: "event"}))
		require.Contains(t, out.String(), "event")
	})
}

func TestTwoLoggersOfOneShareNoAttributes(t *testing.T) {
	var out bytes.Buffer
	parent := foreign.Logger(slog.New(slog.NewTextHandler(&out, nil))).With("a", 1).With("b", 2).With("c", 3)
	one, two := parent.With("of", "one"), parent.With("of", "two")
	one.Info("event")
	require.Contains(t, out.String(), "of=one")
	two.Info("event")
	require.Contains(t, out.String(), "of=two")
}
