package foreign_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sentinel panics when its text is asked for, as an error that is a nil pointer
// does.
type sentinel struct{ text string }

func (s *sentinel) Error() string { return s.text }

// runtimeLike has the method of the runtime's errors and isn't one.
type runtimeLike struct{ secret string }

func (r runtimeLike) Error() string { return r.secret }
func (runtimeLike) RuntimeError()   {}

func TestWhateverForeignCodeDoesBecomesAnError(t *testing.T) {
	var none *sentinel
	for name, c := range map[string]struct {
		does func() error
		says string
	}{
		"returns nil":             {func() error { return nil }, ""},
		"returns an error":        {func() error { return io.EOF }, "EOF"},
		"panics with a string":    {func() error { panic("s3cret") }, "the plugin panicked: a value of type string"},
		"panics with an error":    {func() error { panic(errors.New("s3cret")) }, "the plugin panicked: a value of type *errors.errorString"},
		"poses as the runtime":    {func() error { panic(runtimeLike{"s3cret"}) }, "the plugin panicked: a value of type foreign_test.runtimeLike"},
		"panics with a nil of it": {func() error { panic((*runtime.TypeAssertionError)(nil)) }, "the plugin panicked: a value of type *runtime.TypeAssertionError"},
		"dereferences nil":        {func() error { return errors.New(none.text) }, "the plugin panicked: runtime error: invalid memory address or nil pointer dereference"},
		"panics with nil":         {func() error { panic(nil) }, "the plugin panicked: panic called with nil argument"},
		"ends its goroutine":      {func() error { runtime.Goexit(); return nil }, "the plugin ended its goroutine (runtime.Goexit)"},
		"returns a nil *pointer":  {func() error { return none }, "the plugin panicked: runtime error: invalid memory address or nil pointer dereference"},
	} {
		t.Run(name, func(t *testing.T) {
			err := foreign.Do("the plugin", c.does)
			_, within := foreign.Within(t.Context(), "the plugin", func(context.Context) (int, error) { return 0, c.does() })
			if c.says == "" {
				require.NoError(t, err)
				require.NoError(t, within)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, within, c.says)
		})
	}
}

func TestADefectKeepsTheStackOfAPanic(t *testing.T) {
	defect, ok := errors.AsType[*foreign.Defect](foreign.Do("f", func() error { panic(7) }))
	require.True(t, ok)
	require.Equal(t, 7, defect.Value)
	require.Contains(t, string(defect.Stack), "TestADefectKeepsTheStackOfAPanic")
}

func TestWithinLeavesForeignCodeBehindWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		value, err := foreign.Within(ctx, "f", func(context.Context) (string, error) {
			time.Sleep(time.Minute)
			return "late", nil
		})
		require.ErrorIs(t, err, foreign.ErrNoAnswer)
		require.Empty(t, value)
		require.Equal(t, time.Second, time.Since(began))
		time.Sleep(time.Minute) // for it to end
	})
}

func TestWithinPrefersAnAnswerThatCameAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// With one processor f has returned before its caller goes on.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		inTime := 0
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			value, err := foreign.Within(ctx, "f", func(ctx context.Context) (string, error) {
				defer cancel()
				return "in time", ctx.Err()
			})
			cancel()
			if !errors.Is(err, foreign.ErrNoAnswer) {
				require.NoError(t, err)
				require.Equal(t, "in time", value)
				inTime++
			}
			synctest.Wait()
		}
		require.Greater(t, inTime, 50)
	})
}

// fickle is an error of which one method panics.
type fickle string

func (f fickle) at(method string) {
	if method == string(f) {
		panic("a defect")
	}
}

func (f fickle) Error() string { f.at("Error"); return "fickle" }
func (f fickle) As(any) bool   { f.at("As"); return false }
func (f fickle) Is(error) bool { f.at("Is"); return false }
func (f fickle) Unwrap() error { f.at("Unwrap"); return nil }

func TestAnErrorWhoseMethodsPanicIsADefect(t *testing.T) {
	for _, method := range []string{"Error", "As", "Is", "Unwrap"} {
		err := foreign.Do("it", func() error { return errors.Join(fickle(method)) })
		require.ErrorContains(t, err, "it panicked", method)
	}
}

func TestIsNilSeesANilInsideAnInterface(t *testing.T) {
	var pointer *sentinel
	var function func()
	for _, v := range []any{nil, pointer, function, map[string]int(nil), []int(nil), chan int(nil), error(pointer)} {
		require.True(t, foreign.IsNil(v), "%T", v)
	}
	for _, v := range []any{0, "", struct{}{}, &sentinel{}, []int{}, map[string]int{}} {
		require.False(t, foreign.IsNil(v), "%T", v)
	}
}

func BenchmarkDo(b *testing.B) {
	f := func() error { return nil }
	b.Run("guarded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = foreign.Do("f", f)
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = f()
		}
	})
}
