package provisionhook_test

import (
	"context"
	"testing"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

// estimator is an optional interface that this package has never heard of.
type estimator interface{ Estimate() int }

type estimates struct{ auth }

func (*estimates) Estimate() int { return 7 }

func TestAsFindsAnyonesInterfaceThroughWrappers(t *testing.T) {
	inner := &estimates{auth{"inner", "t"}}
	found, ok := provisionhook.As[estimator](&clear{provisionhook.FailOpen(&clear{inner}, nil)})
	require.True(t, ok)
	require.Same(t, inner, found)

	exact, ok := provisionhook.As[*estimates](&clear{inner})
	require.True(t, ok, "a concrete type can be asked for too")
	require.Same(t, inner, exact)
}

func TestAsTakesTheOutermost(t *testing.T) {
	outer := &clear{&clear{sets("m")}}
	found, ok := provisionhook.As[*clear](outer)
	require.True(t, ok)
	require.Same(t, outer, found)
}

// cyclic wraps itself.
type cyclic struct{}

func (*cyclic) Name() string                                               { return "cyclic" }
func (*cyclic) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (c *cyclic) Unwrap() provisionhook.EnvMutator                         { return c }

func TestAsEndsAndFindsNothing(t *testing.T) {
	var deep provisionhook.EnvMutator = &estimates{}
	for range 1000 {
		deep = &clear{deep}
	}
	for name, m := range map[string]provisionhook.EnvMutator{
		"in nil":                              nil,
		"in a nil pointer":                    (*estimates)(nil),
		"in a nil pointer inside a wrapper":   &clear{(*estimates)(nil)},
		"in a mutator without it":             sets("m"),
		"in a wrapper of nil":                 &clear{nil},
		"in a wrapper of itself":              &cyclic{},
		"behind a wrapper that has no Unwrap": opaque{&estimates{}},
		"below more wrappers than anyone has": deep,
	} {
		t.Run(name, func(t *testing.T) {
			_, ok := provisionhook.As[estimator](m)
			require.False(t, ok)
		})
	}
}

func TestACycleOfWrappersCanBeRegisteredAndRun(t *testing.T) {
	reg := registry(&cyclic{})
	require.Nil(t, reg.FirstTokenProvider())
	require.NoError(t, reg.Run(t.Context(), "ws", env{}))
	require.Len(t, reg.Describe(), 1)
}
