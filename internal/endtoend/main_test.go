package endtoend_test

import (
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	_ "github.com/molecule-ai/provisionkit/tokenprovider/workspace" // go test runs these tests again when the command has changed
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { workspacetest.Main(m) }

// eventually polls until met is true.
func eventually(t testing.TB, met func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !met(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "it never came: %s", what)
	}
}
