//go:build unix

package redisstore_test

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
		Root: filepath.Join("..", ".."), With: "tokenprovider/redisstore", Proxy: proxy,
		Instead: map[string]string{"6379": doctest.FreePort(t)},
	})
}
