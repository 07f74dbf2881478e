package tokenprovider_test

import (
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// reporting is a provider that reports what its forge lets it do.
type reporting struct{ tokenprovider.TokenProvider }

func (reporting) Usage() tokenprovider.Usage {
	return tokenprovider.Usage{Name: "app 7", Waiting: 3, Limits: []tokenprovider.Limit{
		{Subject: "app", Limit: 5000, Remaining: 12, Reset: time.Unix(1_800_000_000, 0)},
	}}
}

// plugin has a reporter inside and is no provider itself.
type plugin struct{ inner tokenprovider.TokenProvider }

func (p plugin) Unwrap() tokenprovider.TokenProvider { return p.inner }

func TestUsageIsFoundThroughWrappers(t *testing.T) {
	want := reporting{}.Usage()
	for name, p := range map[string]any{
		"itself":             reporting{tokenprovider.Static("x")},
		"in what isn't one":  plugin{reporting{tokenprovider.Static("x")}},
		"two wrappers above": plugin{wrapper{reporting{tokenprovider.Static("x")}}},
	} {
		got, ok := tokenprovider.UsageOf(p)
		require.True(t, ok, name)
		require.Equal(t, want, got, name)
	}
	for name, p := range map[string]any{
		"nil": nil, "one that doesn't report": tokenprovider.Static("x"), "a wrapper of nothing": plugin{}, "no provider": 7,
	} {
		_, ok := tokenprovider.UsageOf(p)
		require.False(t, ok, name)
	}
}
