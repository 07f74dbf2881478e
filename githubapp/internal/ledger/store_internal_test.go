package ledger

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/stretchr/testify/require"
)

// scripted is a Store that answers as it is told to.
type scripted struct {
	calls atomic.Int64
	load  func(ctx context.Context) ([]byte, error)
}

func (s *scripted) Load(ctx context.Context, _ string) ([]byte, error) {
	s.calls.Add(1)
	return s.load(ctx)
}

func (s *scripted) Swap(ctx context.Context, _ string, _, _ []byte, _ time.Duration) (bool, error) {
	s.calls.Add(1)
	_, err := s.load(ctx)
	return err == nil, err
}

func fails(context.Context) ([]byte, error)   { return nil, errors.New("connection refused") }
func answers(context.Context) ([]byte, error) { return []byte("value"), nil }

func TestAStoreThatFailsIsLeftInPeaceForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		s := &scripted{load: fails}
		g := &guarded{store: s, log: slog.New(slog.NewTextHandler(&logged, nil))}
		_, err := g.Load(t.Context(), "key")
		require.Equal(t, ErrAway, err)
		s.load = answers
		for range 100 {
			_, err := g.Load(t.Context(), "key")
			require.Equal(t, ErrAway, err)
			_, err = g.Swap(t.Context(), "key", nil, []byte("x"), time.Minute)
			require.Equal(t, ErrAway, err)
		}
		require.EqualValues(t, 1, s.calls.Load())
		time.Sleep(storeRest)
		value, err := g.Load(t.Context(), "key")
		require.NoError(t, err)
		require.Equal(t, "value", string(value))
		swapped, err := g.Swap(t.Context(), "key", nil, []byte("x"), time.Minute)
		require.NoError(t, err)
		require.True(t, swapped)
		require.Equal(t, 1, strings.Count(logged.String(), "token store failed"))
		require.Contains(t, logged.String(), `call=load error="connection refused"`)
	})
}

func TestThePanicOfAStoreIsLoggedWithoutItsValue(t *testing.T) {
	var logged error
	record := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if err, ok := a.Value.Any().(error); ok {
			logged = err
		}
		return a
	}}
	panics := func(context.Context) ([]byte, error) { panic("a secret") }
	g := &guarded{store: &scripted{load: panics}, log: slog.New(slog.NewTextHandler(io.Discard, record))}
	_, err := g.Load(t.Context(), "key")
	require.Equal(t, ErrAway, err)
	require.ErrorContains(t, logged, "the store")
	_, ok := errors.AsType[*foreign.Defect](logged)
	require.False(t, ok, "a handler could print all that is in it")
}

func TestOneAsksAStoreAgainWhileOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{load: fails}
		g := &guarded{store: s, log: slog.New(slog.DiscardHandler)}
		_, err := g.Load(t.Context(), "key")
		require.Equal(t, ErrAway, err)
		time.Sleep(storeRest)
		s.load = func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }
		var waited atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				began := time.Now()
				if _, err := g.Load(context.Background(), "key"); err != ErrAway {
					t.Error(err)
				}
				if time.Since(began) > 0 {
					waited.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, waited.Load())
		require.EqualValues(t, 2, s.calls.Load())
	})
}

func TestNobodyWaitsLongForAStore(t *testing.T) {
	for name, load := range map[string]func(context.Context) ([]byte, error){
		"that hangs":              func(context.Context) ([]byte, error) { time.Sleep(time.Hour); return nil, nil },
		"that hangs for its ctx":  func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
		"that panics":             func(context.Context) ([]byte, error) { panic("ghs_secret") },
		"that ends its goroutine": func(context.Context) ([]byte, error) { runtime.Goexit(); return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged strings.Builder
				g := &guarded{store: &scripted{load: load}, log: slog.New(slog.NewTextHandler(&logged, nil))}
				began := time.Now()
				_, err := g.Load(t.Context(), "key")
				require.Equal(t, ErrAway, err)
				require.LessOrEqual(t, time.Since(began), storePatience)
				require.Contains(t, logged.String(), "token store failed")
				require.NotContains(t, logged.String(), "ghs_secret")
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestACallerWhoLeavesSaysNothingOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{load: func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }}
		g := &guarded{store: s, log: slog.New(slog.DiscardHandler)}
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, err := g.Load(ctx, "key")
		require.Equal(t, context.DeadlineExceeded, err)
		synctest.Wait()
		s.load = answers
		_, err = g.Load(t.Context(), "key")
		require.NoError(t, err)
	})
}

func TestAClockThatIsSetBackKeepsNoStoreAway(t *testing.T) {
	g := &guarded{store: &scripted{load: answers}, log: slog.New(slog.DiscardHandler)}
	g.awayUntil.Store(time.Now().Add(time.Hour).UnixNano())
	_, err := g.Load(t.Context(), "key")
	require.NoError(t, err)
}

func TestOneTimerIsThereForAllThatIsUnrecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{load: answers}
		l := New(Config{Store: s, TokenLife: time.Hour, Logger: slog.New(slog.DiscardHandler)})
		l.recording = true
		l.keep("key", unrecorded{"", entry{Token: "a token", ExpiresAt: time.Now().Add(time.Hour)}})
		time.Sleep(2 * storeRest)
		require.Zero(t, s.calls.Load())
	})
}
