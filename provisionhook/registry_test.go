package provisionhook_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

func TestMutatorsRunInTheOrderOfRegistration(t *testing.T) {
	reg := registry(sets("zz", "ORDER", "1"), sets("aa"),
		does("mm", func(e env) { e["ORDER"] += "2" }))
	require.Equal(t, []string{"zz", "aa", "mm"}, reg.Names(), "no names sort before others")
	require.Equal(t, 3, reg.Len())

	e := env{}
	require.NoError(t, reg.Run(t.Context(), "ws", e))
	require.Equal(t, env{"ORDER": "12"}, e)
}

func TestMutatorsGetTheWorkspacesIdAndContext(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	m := provisionhook.Func("m",
		func(ctx context.Context, workspaceID string, e map[string]string) error {
			e["ID"], e["CTX"] = workspaceID, ctx.Value(key{}).(string)
			return nil
		})
	e := env{}
	require.NoError(t, registry(m).Run(ctx, "ws-7", e))
	require.Equal(t, env{"ID": "ws-7", "CTX": "value"}, e)
}

type (
	pointer  struct{}
	function func()
	mapping  map[string]string
	list     []string
	channel  chan int
	holder   struct{ provisionhook.EnvMutator }
)

func (*pointer) Name() string                                               { panic("called on nil") }
func (*pointer) MutateEnv(context.Context, string, map[string]string) error { panic("called on nil") }
func (function) Name() string                                               { panic("called on nil") }
func (function) MutateEnv(context.Context, string, map[string]string) error { panic("called on nil") }
func (mapping) Name() string                                                { panic("called on nil") }
func (mapping) MutateEnv(context.Context, string, map[string]string) error  { panic("called on nil") }
func (list) Name() string                                                   { panic("called on nil") }
func (list) MutateEnv(context.Context, string, map[string]string) error     { panic("called on nil") }
func (channel) Name() string                                                { panic("called on nil") }
func (channel) MutateEnv(context.Context, string, map[string]string) error  { panic("called on nil") }

func TestNilMutatorsOfEveryKindAreIgnored(t *testing.T) {
	reg := registry()
	reg.Register()
	reg.Register(nil, (*pointer)(nil), function(nil), mapping(nil), list(nil), channel(nil), nil,
		(*holder)(nil),
		provisionhook.FailOpen(nil, nil), provisionhook.FailOpen((*pointer)(nil), nil), provisionhook.Timeout((*pointer)(nil), 1))
	require.Zero(t, reg.Len())
	require.Empty(t, reg.Names())
	require.NoError(t, reg.Run(t.Context(), "ws", env{}))
}

func TestDuplicatesAreKept(t *testing.T) {
	m := does("same", func(e env) { e["N"] += "x" })
	reg := registry(m, m, sets("same"))
	require.Equal(t, []string{"same", "same", "same"}, reg.Names())
	e := env{}
	require.NoError(t, reg.Run(t.Context(), "ws", e))
	require.Equal(t, "xx", e["N"])
}

func TestANilRegistryIsAnEmptyOne(t *testing.T) {
	for name, reg := range map[string]*provisionhook.Registry{
		"nil": nil, "zero": {}, "new": provisionhook.NewRegistry(), "with a nil check": provisionhook.NewRegistry(nil),
	} {
		t.Run(name, func(t *testing.T) {
			require.Zero(t, reg.Len())
			require.Empty(t, reg.Names())
			require.Empty(t, reg.Mutators())
			require.Empty(t, reg.Describe())
			require.Nil(t, reg.FirstTokenProvider())
			require.Nil(t, reg.FirstWorkspaceTokenProvider())
			_, err := reg.LookupTokenProvider("x")
			require.ErrorContains(t, err, `no mutator is named "x": none is registered`)
			require.NoError(t, reg.Run(t.Context(), "ws", nil))
			require.NoError(t, reg.Release(t.Context(), "ws"))

			e := env{"BASE": "b"}
			require.NoError(t, reg.Run(t.Context(), "ws", e))
			require.Equal(t, env{"BASE": "b"}, e)
			plan, err := reg.Plan(t.Context(), "ws", e)
			require.NoError(t, err)
			require.Equal(t, e, plan.Env)
			require.Empty(t, plan.Changes)
		})
	}
}

func TestMutatorsIsACopyAndMergesRegistries(t *testing.T) {
	first, second := registry(sets("a"), sets("b")), registry(sets("c"))
	first.Mutators()[0] = nil
	first.Names()[0] = "changed"
	require.Equal(t, []string{"a", "b"}, first.Names())

	second.Register(first.Mutators()...)
	second.Register(second.Mutators()...)
	require.Equal(t, []string{"c", "a", "b", "c", "a", "b"}, second.Names())
	require.Equal(t, []string{"a", "b"}, first.Names())
}

// selfish is a mutator whose every method uses the Registry it is registered
// with.
type selfish struct {
	reg   *provisionhook.Registry
	calls int
}

func (s *selfish) use() {
	s.calls++
	_, _, _, _ = s.reg.Len(), s.reg.Names(), s.reg.FirstTokenProvider(), s.reg.Describe()
	s.reg.Register(sets("registered by selfish", "NESTED", "yes"))
}
func (s *selfish) Name() string                     { s.use(); return "selfish" }
func (s *selfish) Unwrap() provisionhook.EnvMutator { s.use(); return nil }
func (s *selfish) MutateEnv(context.Context, string, map[string]string) error {
	s.use()
	return nil
}
func (s *selfish) ReleaseWorkspace(context.Context, string) error { s.use(); return nil }

func TestAMutatorMayUseItsRegistryInEveryMethod(t *testing.T) {
	reg := registry()
	s := &selfish{reg: reg}
	reg.Register(s)
	e := env{}
	require.NoError(t, reg.Run(t.Context(), "ws", e))
	require.NoError(t, reg.Release(t.Context(), "ws"))
	require.GreaterOrEqual(t, s.calls, 4)
}

func TestARunWorksOnTheMutatorsThatWereThereWhenItBegan(t *testing.T) {
	reg := registry()
	reg.Register(does("registers", func(env) { reg.Register(sets("later", "LATER", "yes")) }))
	e := env{}
	require.NoError(t, reg.Run(t.Context(), "ws", e))
	require.Equal(t, env{}, e, "the mutator that was registered meanwhile runs from the next time on")
	require.NoError(t, reg.Run(t.Context(), "ws", e))
	require.Equal(t, env{"LATER": "yes"}, e)
}

func TestConcurrentRegistrationsAndRuns(t *testing.T) {
	reg := registry()
	shared := &auth{name: "same", token: "t"}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { reg.Register(shared) })
		all.Go(func() {
			if err := reg.Run(t.Context(), "ws", env{"BASE": "b"}); err != nil {
				t.Error(err)
			}
			_, _, _ = reg.Names(), reg.FirstTokenProvider(), reg.Describe()
		})
	}
	all.Wait()
	require.Equal(t, 50, reg.Len())
}

func TestWhatAMutatorIsIsReadOnceWhenItIsRegistered(t *testing.T) {
	m := &counting{inner: &auth{name: "inner", token: "t"}}
	reg := registry(m)
	names, unwraps := m.names, m.unwraps
	require.Equal(t, 1, names)
	for range 3 {
		require.NoError(t, reg.Run(t.Context(), "ws", env{}))
		require.NotNil(t, reg.FirstTokenProvider())
		require.Equal(t, []string{"counting"}, reg.Names())
		require.Len(t, reg.Describe(), 1)
		_, err := reg.LookupTokenProvider("counting")
		require.NoError(t, err)
		require.NoError(t, reg.Release(t.Context(), "ws"))
	}
	require.Equal(t, names, m.names)
	require.Equal(t, unwraps, m.unwraps)
}

// counting counts the calls that a Registry makes at registration only.
type counting struct {
	inner          provisionhook.EnvMutator
	names, unwraps int
}

func (c *counting) Name() string                     { c.names++; return "counting" }
func (c *counting) Unwrap() provisionhook.EnvMutator { c.unwraps++; return c.inner }
func (c *counting) MutateEnv(context.Context, string, map[string]string) error {
	return nil
}

type panicsAtName struct{ pointer }

func (panicsAtName) Name() string { panic("no name") }

func TestRegisterPanicsWithItsMutatorAndRegistersNothing(t *testing.T) {
	reg := registry()
	require.PanicsWithValue(t, "no name", func() { reg.Register(sets("a"), &panicsAtName{}) })
	reg.Register(sets("b"))
	require.Equal(t, []string{"b"}, reg.Names(), "and the Registry goes on working")
}

type exitsAtName struct{ pointer }

func (exitsAtName) Name() string { runtime.Goexit(); return "" }

func TestRegisterEndsWithAMutatorThatCallsGoexit(t *testing.T) {
	reg := registry()
	done := make(chan bool)
	go func() {
		returned := false
		defer func() { done <- returned }()
		reg.Register(sets("a"), &exitsAtName{})
		returned = true
	}()
	require.False(t, <-done)
	reg.Register(sets("b"))
	require.Equal(t, []string{"b"}, reg.Names(), "and the Registry goes on working")
}
