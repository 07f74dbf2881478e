package provisionhook

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatternsIgnoreCaseWhereNamesDo(t *testing.T) {
	windows, err := newMatcher("Protect", []string{"Path", "Platform_*"}, true)
	require.NoError(t, err)
	elsewhere, err := newMatcher("Protect", []string{"Path", "Platform_*"}, false)
	require.NoError(t, err)
	for _, name := range []string{"PATH", "path", "PLATFORM_ID", "platform_id"} {
		require.True(t, windows.match(name), name)
		require.False(t, elsewhere.match(name), name)
	}
	require.True(t, elsewhere.match("Path"))
	require.True(t, elsewhere.match("Platform_ID"))
	require.False(t, windows.match("PATHEXT"))
}
