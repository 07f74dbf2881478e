package tokenhttp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsToldStaysAsItWasWhenMoreIsRefused(t *testing.T) {
	var r rejections
	r.add("a")
	r.add("b")
	told := r.list()
	r.add("a")
	r.received("b", told)
	require.Equal(t, []string{"b", "a"}, told)
	require.Equal(t, []string{"a"}, r.list())
}
