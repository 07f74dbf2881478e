package provisionhook_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

// versatile is a mutator of variables and files that also releases. Each of the
// three does what it is told to.
type versatile struct {
	variables, files, release func(ctx context.Context) error
}

func (*versatile) Name() string { return "versatile" }

func (v *versatile) MutateEnv(ctx context.Context, _ string, e map[string]string) error {
	e["VERSATILE"] = "yes"
	delete(e, "BASE")
	return v.variables(ctx)
}

func (v *versatile) MutateFiles(ctx context.Context, _ string, files map[string][]byte) error {
	files["/etc/versatile"] = []byte("yes")
	delete(files, "/etc/first")
	return v.files(ctx)
}

func (v *versatile) ReleaseWorkspace(ctx context.Context, _ string) error { return v.release(ctx) }

func succeed(context.Context) error { return nil }
func fail(context.Context) error    { return errBoom }
func explode(context.Context) error { panic(errBoom) }
func late(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestADecoratorHasTheAbilitiesOfWhatItDecoratesAndNoOthers(t *testing.T) {
	type abilities struct{ Files, Release, Token, WorkspaceToken bool }
	of := func(m provisionhook.EnvMutator) (a abilities) {
		_, a.Files = provisionhook.As[provisionhook.FileMutator](m)
		_, a.Release = provisionhook.As[provisionhook.Releaser](m)
		_, a.Token = provisionhook.As[provisionhook.TokenProvider](m)
		_, a.WorkspaceToken = provisionhook.As[provisionhook.WorkspaceTokenProvider](m)
		return a
	}
	for name, c := range map[string]struct {
		m    provisionhook.EnvMutator
		want abilities
	}{
		"none":            {sets("m"), abilities{}},
		"files":           {&filing{name: "m"}, abilities{Files: true}},
		"release":         {&releasing{}, abilities{Release: true}},
		"both":            {&versatile{}, abilities{Files: true, Release: true}},
		"token":           {&auth{}, abilities{Token: true}},
		"workspace token": {&perWorkspace{}, abilities{WorkspaceToken: true}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, decorated := range []provisionhook.EnvMutator{
				c.m, provisionhook.FailOpen(c.m, nil), provisionhook.Timeout(c.m, time.Minute),
				provisionhook.FailOpen(provisionhook.Timeout(&clear{c.m}, time.Minute), nil),
			} {
				require.Equal(t, c.want, of(decorated))
				require.Equal(t, c.m.Name(), decorated.Name())
			}
			_, claims := provisionhook.FailOpen(c.m, nil).(provisionhook.FileMutator)
			require.Equal(t, c.want.Files, claims, "nor does it claim more to a plain assertion")
			_, claims = provisionhook.FailOpen(c.m, nil).(provisionhook.Releaser)
			require.Equal(t, c.want.Release, claims, "and guards what it has")
		})
	}
}

func TestFailOpenDiscardsTheWholeUnitAndReports(t *testing.T) {
	for name, c := range map[string]struct {
		m     *versatile
		panic bool
	}{
		"an error of the variables": {&versatile{variables: fail, files: succeed}, false},
		"an error of the files":     {&versatile{variables: succeed, files: fail}, false},
		"a panic of the variables":  {&versatile{variables: explode, files: succeed}, true},
		"a panic of the files":      {&versatile{variables: succeed, files: explode}, true},
	} {
		t.Run(name, func(t *testing.T) {
			type key struct{}
			ctx := context.WithValue(t.Context(), key{}, "the caller's")
			var reports []error
			open := provisionhook.FailOpen(c.m, func(ctx context.Context, workspaceID string, err error) {
				require.Equal(t, "the caller's", ctx.Value(key{}))
				require.Equal(t, "ws", workspaceID)
				reports = append(reports, err)
			})
			p, err := registry(&filing{name: "first", files: map[string]string{"/etc/first": "1"}}, open,
				sets("last", "LAST", "yes")).
				Plan(ctx, "ws", env{"BASE": "b"})
			require.NoError(t, err)
			require.Equal(t, env{"BASE": "b", "BY_FIRST": "yes", "LAST": "yes"}, p.Env)
			require.Equal(t, map[string][]byte{"/etc/first": []byte("1")}, p.Files)

			require.Len(t, reports, 1)
			require.ErrorIs(t, reports[0], errBoom)
			require.ErrorContains(t, reports[0], `provisionhook "versatile": `)
			_, panicked := errors.AsType[*provisionhook.PanicError](reports[0])
			require.Equal(t, c.panic, panicked)
		})
	}
}

func TestFailOpenKeepsWhatSucceeded(t *testing.T) {
	m := provisionhook.FailOpen(&versatile{variables: succeed, files: succeed},
		func(context.Context, string, error) {
			t.Error("there is nothing to report")
		})
	p := plan(t, env{"BASE": "b"}, &filing{name: "first", files: map[string]string{"/etc/first": "1"}},
		m)
	require.Equal(t, env{"VERSATILE": "yes", "BY_FIRST": "yes"}, p.Env)
	require.Equal(t, map[string][]byte{"/etc/versatile": []byte("yes")}, p.Files)
	require.Contains(t, p.Changes,
		provisionhook.Change{Mutator: "versatile", Key: "BASE", Kind: provisionhook.KindDelete})
}

func TestAReportThatPanicsIsAnErrorAlsoWithoutARegistry(t *testing.T) {
	m := provisionhook.FailOpen(&versatile{variables: fail}, func(context.Context, string, error) { panic("s3cret") })
	err := m.MutateEnv(t.Context(), "ws-1", map[string]string{})
	_, panicked := errors.AsType[*provisionhook.PanicError](err)
	require.True(t, panicked)
	require.NotContains(t, err.Error(), "s3cret")
}

func TestFailOpenWithoutAReport(t *testing.T) {
	require.Empty(t, plan(t, nil, provisionhook.FailOpen(fails("m", errBoom), nil)).Env)
}

func TestFailOpenGuardsByItselfToo(t *testing.T) {
	m := provisionhook.FailOpen(&versatile{variables: fail, files: explode, release: fail}, nil)
	e, files := env{"BASE": "b"}, map[string][]byte{"/etc/first": []byte("1")}
	require.NoError(t, m.MutateEnv(t.Context(), "ws", e))
	require.NoError(t, m.(provisionhook.FileMutator).MutateFiles(t.Context(), "ws", files))
	require.NoError(t, m.(provisionhook.Releaser).ReleaseWorkspace(t.Context(), "ws"))
	require.Equal(t, env{"BASE": "b"}, e)
	require.Equal(t, map[string][]byte{"/etc/first": []byte("1")}, files)
}

func TestFailOpenDoesNotSwallowTheEndOfTheCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reported := false
		m := provisionhook.FailOpen(&versatile{variables: late},
			func(context.Context, string, error) { reported = true })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		e := env{"BASE": "b"}
		require.ErrorIs(t, registry(m).Run(ctx, "ws", e), context.Canceled)
		require.False(t, reported)
		require.Equal(t, env{"BASE": "b"}, e)
	})
}

func TestFailOpenInsideAWrapperGuardsVariablesAndFilesOneByOne(t *testing.T) {
	reports := 0
	open := provisionhook.FailOpen(&versatile{variables: succeed, files: fail},
		func(context.Context, string, error) { reports++ })
	p := plan(t, env{"BASE": "b"}, &filing{name: "first", files: map[string]string{"/etc/first": "1"}},
		&clear{open})
	require.Equal(t, 1, reports)
	require.Equal(t, env{"VERSATILE": "yes", "BY_FIRST": "yes"}, p.Env)
	require.Equal(t, map[string][]byte{"/etc/first": []byte("1")}, p.Files)
}

func TestFailOpenIsNoWayAroundAPolicy(t *testing.T) {
	reg := provisionhook.NewRegistry(provisionhook.Protect("PATH"))
	reg.Register(provisionhook.FailOpen(sets("m", "PATH", "/evil"), nil))
	require.ErrorContains(t, reg.Run(t.Context(), "ws", env{}), `set of "PATH" refused`)
}

func TestAPanicOfAReportIsAnErrorOfItsMutator(t *testing.T) {
	m := provisionhook.FailOpen(fails("m", errBoom),
		func(context.Context, string, error) { panic("report") })
	err := registry(m).Run(t.Context(), "ws", env{})
	require.ErrorContains(t, err, `provisionhook "m": panic: a value of type string`)
	panicked, ok := errors.AsType[*provisionhook.PanicError](err)
	require.True(t, ok)
	require.Equal(t, "report", panicked.Value)
}

func TestFailOpenReportsGoexitToo(t *testing.T) {
	var reported error
	m := provisionhook.FailOpen(does("m", func(e env) { e["A"] = "1"; runtime.Goexit() }),
		func(_ context.Context, _ string, err error) { reported = err })
	e := env{}
	require.NoError(t, registry(m, sets("last", "LAST", "yes")).Run(t.Context(), "ws", e))
	require.EqualError(t, reported, `provisionhook "m": it ended its goroutine (runtime.Goexit)`)
	require.Equal(t, env{"LAST": "yes"}, e)
}

func TestTimeoutEndsTheContextOfOneMutator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, m := range map[string]*versatile{
			"of the variables": {variables: late, files: succeed},
			"of the files":     {variables: succeed, files: late},
		} {
			start := time.Now()
			_, err := registry(provisionhook.Timeout(m, 2*time.Second)).Plan(t.Context(), "ws", nil)
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			require.ErrorContains(t, err,
				`provisionhook "versatile": not done within 2s: context deadline exceeded`, name)
			require.Equal(t, 2*time.Second, time.Since(start), name)
			require.NoError(t, t.Context().Err())
		}
	})
}

func TestVariablesAndFilesShareOneDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &versatile{variables: func(context.Context) error { time.Sleep(time.Second); return nil },
			files: late}
		start := time.Now()
		_, err := registry(provisionhook.Timeout(m, 3*time.Second)).Plan(t.Context(), "ws", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(start))
	})
}

func TestAMutatorThatIgnoresItsDeadlineIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(err error) provisionhook.EnvMutator {
			return provisionhook.Timeout(provisionhook.Func("slow",
				func(_ context.Context, _ string, e map[string]string) error {
					time.Sleep(time.Hour)
					e["SLOW"] = "yes"
					return err
				}), time.Second)
		}
		start, e := time.Now(), env{}
		require.NoError(t, registry(slow(nil)).Run(t.Context(), "ws", e))
		require.Equal(t, time.Hour, time.Since(start))
		require.Equal(t, env{"SLOW": "yes"}, e, "and what it has done is done")
		require.ErrorContains(t, registry(slow(errBoom)).Run(t.Context(), "ws", e),
			"not done within 1s: boom")
	})
}

func TestATimeoutFailsThatRunOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		delay := time.Minute
		m := provisionhook.Timeout(provisionhook.Func("m",
			func(ctx context.Context, _ string, e map[string]string) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(delay):
					e["A"] = "1"
					return nil
				}
			}), time.Second)
		reg := registry(m)
		require.Error(t, reg.Run(t.Context(), "ws", env{}))
		delay = 0
		e := env{}
		require.NoError(t, reg.Run(t.Context(), "ws", e))
		require.Equal(t, env{"A": "1"}, e)
		require.Equal(t, []string{"m"}, reg.Names())
	})
}

func TestTheCallersDeadlineIsNotTakenForTheTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := registry(provisionhook.Timeout(&versatile{variables: late}, time.Hour)).Run(ctx, "ws",
			env{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotContains(t, err.Error(), "1h")
	})
}

func TestATimeoutOfZeroIsNone(t *testing.T) {
	m := provisionhook.Timeout(&versatile{variables: func(ctx context.Context) error {
		if _, limited := ctx.Deadline(); limited {
			return errBoom
		}
		return nil
	}, files: succeed}, 0)
	_, err := registry(m).Plan(context.Background(), "ws", nil)
	require.NoError(t, err)
}

func TestFailOpenAroundTimeoutReportsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reported error
		m := provisionhook.FailOpen(provisionhook.Timeout(&versatile{variables: late, release: late},
			time.Second),
			func(_ context.Context, _ string, err error) { reported = err })
		e := env{"BASE": "b"}
		require.NoError(t, registry(m, sets("last", "LAST", "yes")).Run(t.Context(), "ws", e))
		require.Equal(t, env{"BASE": "b", "LAST": "yes"}, e)
		require.ErrorIs(t, reported, context.DeadlineExceeded)

		reported = nil
		require.NoError(t, registry(m).Release(t.Context(), "ws"))
		require.ErrorContains(t, reported, `provisionhook "versatile": not done within 1s`)
	})
}

func TestTimeoutAroundFailOpenEndsTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := provisionhook.Timeout(provisionhook.FailOpen(&versatile{variables: late},
			func(context.Context, string, error) {
				t.Error("the end of its ctx is not the mutator's failure")
			}), time.Second)
		e := env{"BASE": "b"}
		require.ErrorContains(t, registry(m).Run(t.Context(), "ws", e),
			`provisionhook "versatile": not done within 1s`)
		require.Equal(t, env{"BASE": "b"}, e)
	})
}

func TestDecoratorsAndRegistriesPrintNamesAndNotWhatTheyHold(t *testing.T) {
	const secret = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
	m := stringer{&auth{name: "m"}, secret}
	for text, v := range map[string]any{
		`provisionhook.FailOpen("m")`: provisionhook.FailOpen(releaser{m}, nil),
		`provisionhook.Timeout("m")`:  provisionhook.Timeout(m, 1),
		`provisionhook.Func("f")`:     sets("f"),
		`provisionhook.Registry["m"]`: registry(m),
		`provisionhook.Registry[]`:    (*provisionhook.Registry)(nil),
	} {
		require.Equal(t, text, fmt.Sprint(v))
		testutil.RequireRedactedDirectly(t, v, secret)
	}
}

func TestARegistryInsideAPlatformPrintsNoMutator(t *testing.T) {
	const secret = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
	var platform struct{ Registry provisionhook.Registry }
	platform.Registry.Register(valued{secret})
	require.NotNil(t, platform.Registry.FirstTokenProvider())
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		require.NotContains(t, fmt.Sprintf(verb, &platform), secret, verb)
	}
}

// valued is a mutator by value with a token.
type valued struct{ token string }

func (valued) Name() string                                               { return "valued" }
func (valued) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (v valued) Token(context.Context) (string, time.Time, error)         { return v.token, time.Time{}, nil }

// stringer is a mutator by value that protects its secret when it is printed
// directly.
type stringer struct {
	provisionhook.EnvMutator
	secret string
}

func (stringer) String() string               { return "redacted" }
func (s stringer) GoString() string           { return "redacted" }
func (s stringer) Format(f fmt.State, _ rune) { fmt.Fprint(f, "redacted") }

type releaser struct{ stringer }

func (releaser) ReleaseWorkspace(context.Context, string) error { return nil }
