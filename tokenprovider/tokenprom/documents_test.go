//go:build unix

package tokenprom_test

import (
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
)

func TestWhoFollowsTheGuideForPlatformEngineersSeesWhatItShows(t *testing.T) {
	proxy := testutil.NewModuleProxy(t.TempDir())
	proxy.Publish(t, filepath.Join("..", ".."), "v0.1.0")
	proxy.Publish(t, ".", "v0.1.0")
	doctest.Follow(t, "docs/platform-engineers.md", doctest.Options{
		Root: filepath.Join("..", ".."), With: "tokenprovider/tokenprom", Proxy: proxy,
		Instead: map[string]string{"9090": doctest.FreePort(t)},
	})
}
