package process

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAVariableIsSetOnceWhateverStoodThere(t *testing.T) {
	t.Parallel()
	environ := []string{"A=1", "AB=2", "A=3", "=C:=x", "D"}
	value, ok := Lookup(environ, "A")
	require.True(t, ok)
	require.Equal(t, "3", value, "the last one counts")
	_, ok = Lookup(environ, "D")
	require.False(t, ok)
	require.Equal(t, []string{"AB=2", "=C:=x", "D", "A=4"}, With(environ, "A", "4"))
	require.Equal(t, []string{"=C:=x", "D"}, Without(environ, "A", "AB"))
	require.NotNil(t, Without(nil, "A"), "a child would inherit")
	require.Equal(t, []string{"A=1", "AB=2", "A=3", "=C:=x", "D"}, environ)
}
