package provisionhook_test

import (
	"context"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestFirstTokenProviderIsTheFirstRegistered(t *testing.T) {
	first, second := &auth{"first", "1"}, &auth{"second", "2"}
	reg := registry(sets("none"))
	require.Nil(t, reg.FirstTokenProvider())
	reg.Register(first)
	reg.Register(second)
	require.Same(t, first, reg.FirstTokenProvider())
}

func TestFirstTokenProviderIsFoundThroughAnyDepthOfWrappers(t *testing.T) {
	provider := &auth{"provider", "t"}
	var m provisionhook.EnvMutator = provider
	for range 3 {
		m = provisionhook.Timeout(provisionhook.FailOpen(&clear{m}, nil), time.Minute)
	}
	require.Same(t, provider, registry(m).FirstTokenProvider())
}

// hides is a wrapper that hides what it wraps on purpose.
type hides struct{ clear }

func (hides) Unwrap() provisionhook.EnvMutator { return nil }

func TestAWrapperWithoutUnwrapHidesWhatItWraps(t *testing.T) {
	provider := &auth{"provider", "t"}
	require.Nil(t, registry(opaque{provider}).FirstTokenProvider())
	require.Nil(t, registry(&hides{clear{provider}}).FirstTokenProvider())
	require.Nil(t, registry(&counting{inner: (*auth)(nil)}).FirstTokenProvider(),
		"a nil pointer inside is nothing")
}

func TestLookupTokenProviderFindsOneByName(t *testing.T) {
	second := &auth{"second", "2"}
	reg := registry(sets("plain"), sets("second"), &auth{"first", "1"}, &clear{second})
	p, err := reg.LookupTokenProvider("second")
	require.NoError(t, err)
	require.Same(t, second, p, "of several with the name, the first that is one")
}

// almost has a Token that returns no expiry.
type almost struct{}

func (*almost) Name() string                                               { return "almost" }
func (*almost) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (*almost) Token(context.Context) (string, error)                      { return "", nil }

func TestAProviderThatIsMissingIsAnErrorThatSaysWhatIsThere(t *testing.T) {
	reg := registry(sets("plain"), &almost{})
	for name, text := range map[string]string{
		"absent": `no mutator is named "absent": registered are "plain", "almost"`,
		"plain":  `mutator "plain" is no TokenProvider: it is "plain" (provisionhook.Func)`,
		"almost": `mutator "almost" is no TokenProvider: it is "almost" (*provisionhook_test.almost)` +
			` [note: no TokenProvider: method Token`,
	} {
		p, err := reg.LookupTokenProvider(name)
		require.Nil(t, p)
		require.ErrorContains(t, err, text)
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
		require.NotErrorIs(t, err, tokenprovider.ErrNotConfigured, "nothing may fall back from it")
	}
}

// perWorkspace is a WorkspaceTokenProvider.
type perWorkspace struct{ auth }

func (p *perWorkspace) Token() {} // hides the TokenProvider of auth

func (p *perWorkspace) WorkspaceToken(_ context.Context, workspaceID string) (string, time.Time, error) {
	return p.token + " of " + workspaceID, time.Time{}, nil
}

func TestFirstWorkspaceTokenProviderIsTheFirstRegistered(t *testing.T) {
	first, second := &perWorkspace{auth{"first", "1"}}, &perWorkspace{auth{"second", "2"}}
	reg := registry(&auth{"shared", "s"}, provisionhook.FailOpen(first, nil), second)
	require.Same(t, first, reg.FirstWorkspaceTokenProvider())
	require.Equal(t, "shared", reg.FirstTokenProvider().(*auth).name)
}

func TestFirstTokenProviderAllocatesNothing(t *testing.T) {
	reg := registry()
	for range 9 {
		reg.Register(sets("plain"))
	}
	reg.Register(provisionhook.FailOpen(&auth{"auth", "t"}, nil))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if reg.FirstTokenProvider() == nil {
			t.Error("no provider")
		}
	}))
}
