package provisionhook_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

func TestALaterMutatorSeesAndOverridesWhatAnEarlierOneWrote(t *testing.T) {
	e := env{"BASE": "b", "GONE": "g", "USER": "u"}
	require.NoError(t, registry(
		sets("first", "A", "1", "USER", "first"),
		deletes("second", "GONE"),
		does("third", func(e env) {
			_, there := e["GONE"]
			require.False(t, there)
			e["A"] += "2"
			e["USER"] += " third"
		}),
	).Run(t.Context(), "ws", e))
	require.Equal(t, env{"BASE": "b", "A": "12", "USER": "first third"}, e)
}

var errBoom = errors.New("boom")

// TestTheCallersMapIsUntouchedUnlessTheWholeChainSucceeds covers every way in
// which a chain can end early.
func TestTheCallersMapIsUntouchedUnlessTheWholeChainSucceeds(t *testing.T) {
	type made = func(t *testing.T) (context.Context, provisionhook.EnvMutator)
	plain := func(m provisionhook.EnvMutator) made {
		return func(t *testing.T) (context.Context, provisionhook.EnvMutator) { return t.Context(), m }
	}
	cancels := func(t *testing.T) (context.Context, provisionhook.EnvMutator) {
		ctx, cancel := context.WithCancel(t.Context())
		return ctx, does("bad", func(e env) { e["BASE"] = "changed"; cancel() })
	}
	panics := func(value any) made {
		return plain(does("bad", func(e env) { e["BASE"] = "changed"; panic(value) }))
	}
	contributes := func(path string) made {
		return plain(&filing{name: "bad", files: map[string]string{path: "x"}})
	}
	for name, c := range map[string]struct {
		make    made
		mutator string
		text    string
		is      error
	}{
		"an error":               {plain(fails("bad", errBoom)), "bad", `boom`, errBoom},
		"a panic":                {panics("ouch"), "bad", `panic: a value of type string`, nil},
		"a panic with an error":  {panics(errBoom), "bad", `panic: a value of type *errors.errorString`, errBoom},
		"a panic with nil":       {panics(nil), "bad", `panic: panic called with nil argument`, nil},
		"a cancelled context":    {cancels, "last", `not run: context canceled`, context.Canceled},
		"an empty name":          {plain(sets("bad", "", "x")), "bad", `the name of a variable is empty`, nil},
		"a failing check":        {plain(sets("bad", "FORBIDDEN", "x")), "bad", `set of "FORBIDDEN" refused: boom`, errBoom},
		"a panicking check":      {plain(sets("bad", "PANIC", "x")), "bad", `set of "PANIC" refused: panic: a value of type string`, nil},
		"a nil function":         {plain(provisionhook.Func("bad", nil)), "bad", `its function is nil`, nil},
		"a contributed file":     {contributes("/etc/x"), "bad", `it contributes the file "/etc/x", which Run has nowhere to put`, nil},
		"a file that isn't said": {contributes("x"), "bad", `file "x": the path is not absolute and clean`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, bad := c.make(t)
			reg := provisionhook.NewRegistry(func(c provisionhook.Change, e map[string]string) error {
				switch e["BASE"] = "a check wrote it"; c.Key {
				case "FORBIDDEN":
					return errBoom
				case "PANIC":
					panic("check")
				}
				return nil
			})
			reg.Register(sets("first", "FIRST", "x", "BASE", "changed"), deletes("second", "OTHER"), bad,
				sets("last", "LAST", "x"))
			e := env{"BASE": "b", "OTHER": "o"}
			before := maps.Clone(e)

			err := reg.Run(ctx, "ws-1", e)
			require.Equal(t, before, e)
			require.ErrorContains(t, err, fmt.Sprintf("provisionhook %q: %s", c.mutator, c.text))
			failed, ok := errors.AsType[*provisionhook.MutatorError](err)
			require.True(t, ok)
			require.Equal(t, c.mutator, failed.Mutator)
			require.Equal(t, "ws-1", failed.WorkspaceID)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}

			if name == "a contributed file" {
				require.ErrorContains(t, err, "use Plan and write Plan.Files")
				return // Plan can return it
			}
			ctx, _ = c.make(t)
			if name == "a cancelled context" {
				return // this one was cancelled by the mutator of the first registry
			}
			plan, err := reg.Plan(ctx, "ws-1", e)
			require.ErrorContains(t, err, c.text)
			require.Nil(t, plan)
			require.Equal(t, before, e)
		})
	}
}

func TestAfterTheFirstErrorNoMutatorRuns(t *testing.T) {
	ran := false
	reg := registry(fails("bad", errBoom), does("next", func(env) { ran = true }))
	err := reg.Run(t.Context(), "ws", env{})
	require.ErrorIs(t, err, errBoom)
	require.False(t, ran)
}

func TestACancelledContextIsSeenBeforeTheFirstMutator(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	ran := false
	err := registry(does("m", func(env) { ran = true })).Run(ctx, "ws", env{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, ran)
}

func TestAPanicIsAnErrorWithItsStack(t *testing.T) {
	err := registry(does("m", func(env) { panicHere() })).Run(t.Context(), "ws", env{})
	panicked, ok := errors.AsType[*provisionhook.PanicError](err)
	require.True(t, ok)
	require.Equal(t, "here", panicked.Value)
	require.Contains(t, string(panicked.Stack), "panicHere")
	require.NotContains(t, err.Error(), "goroutine", "the stack is for who asks for it")
	require.NotContains(t, err.Error(), "here", "and so is the value")

	err = registry(does("m", func(e env) { var none []string; e["A"] = none[len(e)] })).Run(t.Context(), "ws", env{})
	_, ok = errors.AsType[runtime.Error](err)
	require.True(t, ok, "the runtime's own errors can be found: %v", err)
	require.ErrorContains(t, err, `provisionhook "m": panic: runtime error: index out of range`)
}

func panicHere() { panic("here") }

func TestGoexitWhereverItIsCalledIsAnError(t *testing.T) {
	exit := func(context.Context) error { runtime.Goexit(); return nil }
	report := func(context.Context, string, error) { runtime.Goexit() }
	check := func(provisionhook.Change, map[string]string) error { runtime.Goexit(); return nil }
	plan := func(reg *provisionhook.Registry) error {
		e := env{"BASE": "b"}
		_, err := reg.Plan(t.Context(), "ws", e)
		require.Equal(t, env{"BASE": "b"}, e)
		return err
	}
	release := func(reg *provisionhook.Registry) error { return reg.Release(t.Context(), "ws") }
	for name, c := range map[string]struct {
		m      provisionhook.EnvMutator
		checks []provisionhook.Check
		call   func(*provisionhook.Registry) error
		text   string
	}{
		"in MutateEnv":        {&versatile{variables: exit}, nil, plan, ""},
		"in MutateFiles":      {&versatile{variables: succeed, files: exit}, nil, plan, ""},
		"in a check":          {sets("versatile", "A", "1"), []provisionhook.Check{check}, plan, `set of "A" refused: `},
		"in FailOpen":         {provisionhook.FailOpen(fails("versatile", errBoom), report), nil, plan, ""},
		"in Timeout":          {provisionhook.Timeout(&versatile{variables: exit}, time.Hour), nil, plan, ""},
		"in ReleaseWorkspace": {&versatile{release: exit}, nil, release, ""},
	} {
		t.Run(name, func(t *testing.T) {
			reg := provisionhook.NewRegistry(c.checks...)
			reg.Register(c.m)
			err := c.call(reg)
			require.EqualError(t, err,
				`provisionhook "versatile": `+c.text+`it ended its goroutine (runtime.Goexit)`)
			exited, ok := errors.AsType[*provisionhook.PanicError](err)
			require.True(t, ok)
			require.Nil(t, exited.Value)
			require.Nil(t, exited.Stack)
			reg.Register(sets("next"))
			require.Equal(t, 2, reg.Len(), "no lock is held")
		})
	}
}

func TestAnErrorThatWasPassedToPanicCanBeAskedForAndIsNotShown(t *testing.T) {
	cause := &keyError{key: "s3cret"}
	reg := registry(does("m", func(env) { panic(fmt.Errorf("opening: %w", cause)) }))
	err := reg.Run(t.Context(), "ws", env{})
	require.ErrorIs(t, err, cause)
	require.NotErrorIs(t, err, errBoom)
	found, ok := errors.AsType[*keyError](err)
	require.True(t, ok)
	require.Same(t, cause, found)
	_, ok = errors.AsType[runtime.Error](err)
	require.False(t, ok)

	for link := err; link != nil; link = errors.Unwrap(link) {
		require.NotContains(t, link.Error(), "s3cret", "what walks the chain prints each link")
	}
	require.NotErrorIs(t, &provisionhook.PanicError{}, errBoom)
}

// unaskable is an error that panics when it is asked what it is.
type unaskable struct{}

func (unaskable) Error() string { return "unaskable" }
func (unaskable) As(any) bool   { panic("a defect") }
func (unaskable) Is(error) bool { panic("a defect") }

func TestAnErrorThatPanicsWhenItIsAskedHarmsNobody(t *testing.T) {
	for name, m := range map[string]provisionhook.EnvMutator{
		"returned": fails("m", unaskable{}), "passed to panic": does("m", func(env) { panic(unaskable{}) }),
	} {
		err := registry(m).Run(t.Context(), "ws", env{})
		require.NotErrorIs(t, err, errBoom, name)
		_, found := errors.AsType[*keyError](err)
		require.False(t, found, name)
	}
}

// keyError is an error whose text has a secret.
type keyError struct{ key string }

func (e *keyError) Error() string { return "the key " + e.key + " is refused" }

func TestANilMapIsAnErrorBeforeAnyMutatorRuns(t *testing.T) {
	ran := false
	reg := registry(does("m", func(env) { ran = true }))
	require.ErrorContains(t, reg.Run(t.Context(), "ws", nil),
		"nil map: pass one that can take the variables, or use Plan")
	require.False(t, ran)

	require.NoError(t, registry().Run(t.Context(), "ws", nil),
		"an empty Registry has nothing to write")
	plan, err := reg.Plan(t.Context(), "ws", nil)
	require.NoError(t, err)
	require.NotNil(t, plan.Env)
	require.True(t, ran)
}

func TestANilMapIsAnErrorWhileMutatorsAreBeingRegisteredToo(t *testing.T) {
	for range 20_000 { // without care, some of them panic
		reg := registry()
		var both sync.WaitGroup
		both.Go(func() { reg.Register(sets("m", "A", "1")) })
		both.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					t.Error("Run panicked:", v)
				}
			}()
			_ = reg.Run(t.Context(), "ws", nil)
		})
		both.Wait()
		if t.Failed() {
			return
		}
	}
}

func TestAContextThatEndsInTheLastMutatorComesTooLate(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := env{}
	require.NoError(t, registry(does("last", func(e env) { e["A"] = "1"; cancel() })).Run(ctx, "ws", e))
	require.Equal(t, env{"A": "1"}, e, "the chain has succeeded")

	ctx, cancel = context.WithCancel(t.Context())
	reg := provisionhook.NewRegistry(provisionhook.PortableNames())
	reg.Register(does("last", func(e env) { e["B"] = "2"; cancel() }))
	require.NoError(t, reg.Run(ctx, "ws", e))
	require.Equal(t, env{"A": "1", "B": "2"}, e, "and its few changes are checked")
}

func TestEveryMutatorGetsAMapThatIsNotNil(t *testing.T) {
	plan := plan(t, nil, does("m", func(e env) { require.NotNil(t, e); e["A"] = "1" }))
	require.Equal(t, env{"A": "1"}, plan.Env)
}

func TestAMutatorThatKeepsItsMapReachesNobody(t *testing.T) {
	var kept env
	writes := func(e env) {
		for key := range e {
			e[key] = "late"
		}
		e["LATE"] = "late"
	}
	reg := registry(
		does("keeps", func(e env) { kept = e; e["A"] = "1" }),
		does("next", func(e env) { writes(kept); e["B"] = "2" }),
	)
	e := env{"BASE": "b"}
	require.NoError(t, reg.Run(t.Context(), "ws", e))
	writes(kept)
	require.Equal(t, env{"BASE": "b", "A": "1", "B": "2"}, e)

	plan, err := reg.Plan(t.Context(), "ws", e)
	require.NoError(t, err)
	writes(kept)
	require.Equal(t, env{"BASE": "b", "A": "1", "B": "2"}, plan.Env)
}

func TestAFailedRunCanBeRepeatedAtOnce(t *testing.T) {
	tries := 0
	reg := registry(sets("first", "A", "1"),
		provisionhook.Func("flaky", func(_ context.Context, _ string, e map[string]string) error {
			tries++
			if tries == 1 {
				e["A"] = "half"
				return errBoom
			}
			e["B"] = e["A"]
			return nil
		}))
	e := env{}
	require.Error(t, reg.Run(t.Context(), "ws", e))
	require.NoError(t, reg.Run(t.Context(), "ws", e))
	require.Equal(t, env{"A": "1", "B": "1"}, e)
}

func TestParallelRunsOnMapsOfTheirOwnDoNotMeet(t *testing.T) {
	reg := registry(provisionhook.Func("id",
		func(_ context.Context, workspaceID string, e map[string]string) error {
			e["ID"] = workspaceID
			return nil
		}))
	for _, id := range []string{"a", "b", "c", "d"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			for range 100 {
				e := env{}
				require.NoError(t, reg.Run(t.Context(), id, e))
				require.Equal(t, env{"ID": id}, e)
			}
		})
	}
}
