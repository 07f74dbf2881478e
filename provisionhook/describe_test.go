package provisionhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

type plain struct{}

func (plain) Name() string                                               { return "m" }
func (plain) MutateEnv(context.Context, string, map[string]string) error { return nil }

// Near misses: each means to have an ability and doesn't.
type (
	byPointer      struct{ plain } // its Token has a pointer receiver
	wrongByPointer struct{ plain } // the same, and another signature
	withoutContext struct{ plain }
	otherFiles     struct{ plain }
	otherRelease   struct{ plain }
	otherWorkspace struct{ plain }
	exactUnwrap    struct{ inner *auth }              // its Unwrap returns the concrete type
	pointerUnwrap  struct{ provisionhook.EnvMutator } // its Unwrap has a pointer receiver
	onPurpose      struct{ provisionhook.EnvMutator } // its Unwrap returns nil
	namedField     struct{ Inner provisionhook.EnvMutator }
	nilPointer     struct {
		plain
		Inner *auth
	}
	nilField        struct{ Inner provisionhook.EnvMutator }
	embedsInterface struct{ provisionhook.EnvMutator }
	embedsProvider  struct{ *auth }
	ownUnwrap       struct{ plain } // its Unwrap has nothing to do with mutators
)

func (*byPointer) Token(context.Context) (string, time.Time, error)            { return "", time.Time{}, nil }
func (*wrongByPointer) Token() string                                          { return "" }
func (withoutContext) Token() (string, time.Time, error)                       { return "", time.Time{}, nil }
func (otherFiles) MutateFiles(context.Context, map[string]string) error        { return nil }
func (otherRelease) ReleaseWorkspace(...string)                                {}
func (otherWorkspace) WorkspaceToken(context.Context) (string, error)          { return "", nil }
func (exactUnwrap) Name() string                                               { return "m" }
func (e exactUnwrap) Unwrap() *auth                                            { return e.inner }
func (p *pointerUnwrap) Unwrap() provisionhook.EnvMutator                      { return p.EnvMutator }
func (*namedField) Name() string                                               { return "m" }
func (*nilField) Name() string                                                 { return "m" }
func (embedsInterface) Name() string                                           { return "m" }
func (onPurpose) Unwrap() provisionhook.EnvMutator                             { return nil }
func (ownUnwrap) Unwrap() error                                                { return nil }
func (exactUnwrap) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (*namedField) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (*nilField) MutateEnv(context.Context, string, map[string]string) error   { return nil }

func TestDescribeSaysWhatAMutatorIsAndWhyANearMissIsNone(t *testing.T) {
	provider := &auth{name: "m"}
	const token = "func(context.Context) (string, time.Time, error)"
	for name, c := range map[string]struct {
		m         provisionhook.EnvMutator
		typ       string
		abilities []string
		note      string
	}{
		"a plain mutator": {plain{}, "provisionhook_test.plain", nil, ""},
		"a function":      {sets("m"), "provisionhook.Func", nil, ""},
		"a provider":      {provider, "*provisionhook_test.auth", []string{"TokenProvider"}, ""},
		"a releaser": {
			&releasing{name: "m"}, "*provisionhook_test.releasing", []string{"Releaser"}, "",
		},
		"a file mutator": {
			&filing{name: "m"}, "*provisionhook_test.filing", []string{"FileMutator"}, "",
		},
		"a pointer": {
			&byPointer{}, "*provisionhook_test.byPointer", []string{"TokenProvider"}, "",
		},
		"a wrapper": {
			&clear{provider}, "*provisionhook_test.clear(*provisionhook_test.auth)",
			[]string{"TokenProvider"}, "",
		},
		"an embedded one": {
			embedsProvider{provider}, "provisionhook_test.embedsProvider", []string{"TokenProvider"}, "",
		},
		"a wrapper of nil":  {&nilField{}, "*provisionhook_test.nilField", nil, ""},
		"of a nil pointer":  {nilPointer{}, "provisionhook_test.nilPointer", nil, ""},
		"hidden on purpose": {onPurpose{provider}, "provisionhook_test.onPurpose", nil, ""},
		"nothing to hide":   {opaque{plain{}}, "provisionhook_test.opaque", nil, ""},
		"another Unwrap":    {ownUnwrap{}, "provisionhook_test.ownUnwrap", nil, ""},
		"decorators": {
			provisionhook.FailOpen(provisionhook.Timeout(&both{}, 1), nil),
			"provisionhook.FailOpen(provisionhook.Timeout(*provisionhook_test.both))",
			[]string{"FileMutator", "Releaser"}, "",
		},
		"a value with a method of its pointer": {byPointer{}, "provisionhook_test.byPointer", nil,
			"no TokenProvider: method Token has a pointer receiver, and a value is registered: register a *provisionhook_test.byPointer"},
		"a value whose pointer has another signature": {wrongByPointer{},
			"provisionhook_test.wrongByPointer", nil,
			"no TokenProvider: method Token of *provisionhook_test.wrongByPointer is func() string and must be " + token},
		"Token with another signature": {withoutContext{}, "provisionhook_test.withoutContext", nil,
			"no TokenProvider: method Token of provisionhook_test.withoutContext is func() (string, time.Time, error) and must be " + token},
		"WorkspaceToken with another signature": {
			otherWorkspace{}, "provisionhook_test.otherWorkspace", nil,
			"no WorkspaceTokenProvider: method WorkspaceToken of provisionhook_test.otherWorkspace is func(context.Context) (string, error)" +
				" and must be func(context.Context, string) (string, time.Time, error)"},
		"MutateFiles with another signature": {otherFiles{}, "provisionhook_test.otherFiles", nil,
			"no FileMutator: method MutateFiles of provisionhook_test.otherFiles is func(context.Context, map[string]string) error" +
				" and must be func(context.Context, string, map[string][]uint8) error"},
		"ReleaseWorkspace with another signature": {
			otherRelease{}, "provisionhook_test.otherRelease", nil,
			"no Releaser: method ReleaseWorkspace of provisionhook_test.otherRelease is func(...string)" +
				" and must be func(context.Context, string) error"},
		"a wrapper without Unwrap": {&namedField{provider}, "*provisionhook_test.namedField", nil,
			"*provisionhook_test.namedField wraps a *provisionhook_test.auth, a TokenProvider, which can't be seen:" +
				" give it the method Unwrap() EnvMutator"},
		"a wrapper that embeds the interface": {embedsInterface{&filing{name: "m"}},
			"provisionhook_test.embedsInterface", nil,
			"provisionhook_test.embedsInterface wraps a *provisionhook_test.filing, a FileMutator, which can't be seen:" +
				" give it the method Unwrap() EnvMutator"},
		"a wrapper of a wrapper without Unwrap": {embedsInterface{&clear{provider}},
			"provisionhook_test.embedsInterface", nil,
			"provisionhook_test.embedsInterface wraps a *provisionhook_test.clear, a wrapper, which can't be seen:" +
				" give it the method Unwrap() EnvMutator"},
		"a wrapper with another Unwrap": {exactUnwrap{provider}, "provisionhook_test.exactUnwrap", nil,
			"provisionhook_test.exactUnwrap wraps a *provisionhook_test.auth, a TokenProvider, which can't be seen:" +
				" give it the method Unwrap() EnvMutator, which it has as func() *provisionhook_test.auth"},
		"a wrapper whose Unwrap has a pointer receiver": {pointerUnwrap{provider},
			"provisionhook_test.pointerUnwrap", nil,
			"provisionhook_test.pointerUnwrap wraps a *provisionhook_test.auth, a TokenProvider, which can't be seen:" +
				" its method Unwrap has a pointer receiver, and a value is registered: register a *provisionhook_test.pointerUnwrap"},
		"a wrapper of itself": {&around{}, "*provisionhook_test.around(...)", nil,
			"it wraps 63 mutators or more, or itself: what is below can't be seen"},
		"a near miss inside a wrapper": {provisionhook.FailOpen(withoutContext{}, nil),
			"provisionhook.FailOpen(provisionhook_test.withoutContext)", nil,
			"no TokenProvider: method Token of provisionhook_test.withoutContext is func() (string, time.Time, error) and must be " + token},
		"a near miss around a provider": {&clear{&missAround{withoutContext{}, provider}},
			"*provisionhook_test.clear(*provisionhook_test.missAround(*provisionhook_test.auth))",
			[]string{"TokenProvider"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []provisionhook.Description{{Name: "m", Type: c.typ, Abilities: c.abilities, Note: c.note}},
				registry(c.m).Describe())
		})
	}
}

// around wraps itself.
type around struct{ plain }

func (a *around) Unwrap() provisionhook.EnvMutator { return a }

// both is a FileMutator and a Releaser.
type both struct {
	plain
	provisionhook.FileMutator
	provisionhook.Releaser
}

// missAround has a Token with another signature, but what it wraps has the
// right one.
type missAround struct {
	withoutContext
	inner provisionhook.EnvMutator
}

func (m *missAround) Unwrap() provisionhook.EnvMutator { return m.inner }

func TestDescribeReportsWhatIsOddAboutTheWhole(t *testing.T) {
	reg := registry(sets(""), &auth{name: "first"}, &auth{name: "second"},
		sets("twice"), sets("twice"),
		&perWorkspace{auth{name: "third"}}, &perWorkspace{auth{name: "fourth"}})
	notes := map[string]string{}
	for _, d := range reg.Describe() {
		notes[d.Name] = d.Note
	}
	require.Equal(t, "its name is empty, so that nothing says who it is", notes[""])
	require.Empty(t, notes["first"])
	require.Equal(t, `FirstTokenProvider is "first", which was registered before`, notes["second"])
	require.Equal(t, "2 mutators have this name", notes["twice"])
	require.Contains(t, notes["fourth"],
		`; FirstWorkspaceTokenProvider is "third", which was registered before`)

	require.NoError(t, reg.Run(t.Context(), "ws", env{}), "and none of it stops a workspace")
	require.Same(t, reg.Mutators()[1], reg.FirstTokenProvider())
}

func TestDescribeIsACopy(t *testing.T) {
	reg := registry(&auth{name: "m"})
	reg.Describe()[0].Abilities[0] = "changed"
	require.Equal(t, []string{"TokenProvider"}, reg.Describe()[0].Abilities)
}

func TestDescribeReadsWellInABootLog(t *testing.T) {
	reg := registry(&auth{name: "app"}, withoutContext{}, sets("plain"))
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	var text bytes.Buffer
	slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: noTime})).
		Info("mutators registered", slog.Any("mutators", reg.Describe()))
	require.Equal(t, `level=INFO msg="mutators registered" mutators="[\"app\" (*provisionhook_test.auth): TokenProvider`+
		` \"m\" (provisionhook_test.withoutContext) [note: no TokenProvider: method Token of provisionhook_test.withoutContext`+
		` is func() (string, time.Time, error) and must be func(context.Context) (string, time.Time, error)]`+
		` \"plain\" (provisionhook.Func)]"`+"\n", text.String())

	encoded, err := json.Marshal(reg.Describe()[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"app","type":"*provisionhook_test.auth","abilities":["TokenProvider"]}`,
		string(encoded))
}
