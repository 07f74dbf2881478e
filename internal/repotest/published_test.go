package repotest_test

import (
	"os"
	"sync"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// release is the version that the modules of this repository publish and
// require of each other.
const release = "v0.1.0"

var (
	publishing   sync.Once
	publishedDir string
	proxy        *testutil.ModuleProxy
)

// published returns a module proxy that has the root module as a release would
// publish it. It is shared, so that a module is packed and unpacked once.
func published(t *testing.T) *testutil.ModuleProxy {
	t.Helper()
	publishing.Do(func() {
		var err error
		publishedDir, err = os.MkdirTemp("", "provisionkit-published-")
		require.NoError(t, err)
		p := testutil.NewModuleProxy(publishedDir)
		require.Equal(t, module, p.Publish(t, root, release))
		proxy = p
	})
	require.NotNil(t, proxy, "the module can't be published")
	return proxy
}

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(publishedDir)
	os.Exit(code)
}
