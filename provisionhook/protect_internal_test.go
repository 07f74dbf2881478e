package provisionhook

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatternsIgnoreCaseWhereNamesDo(t *testing.T) {
	windows := matcher("Protect", []string{"Path", "Platform_*"}, true)
	elsewhere := matcher("Protect", []string{"Path", "Platform_*"}, false)
	for _, name := range []string{"PATH", "path", "PLATFORM_ID", "platform_id"} {
		require.True(t, windows(name), name)
		require.False(t, elsewhere(name), name)
	}
	require.True(t, elsewhere("Path"))
	require.True(t, elsewhere("Platform_ID"))
	require.False(t, windows("PATHEXT"))
}
