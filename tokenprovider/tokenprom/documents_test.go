//go:build unix

package tokenprom_test

import (
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
)

func TestWhoFollowsTheGuideForPlatformEngineersSeesWhatItShows(t *testing.T) {
	proxy, _ := testutil.PublishNested(t)
	doctest.Follow(t, "docs/platform-engineers.md", doctest.Options{
		Root: filepath.Join("..", ".."), With: "tokenprovider/tokenprom", Proxy: proxy,
		Instead: map[string]string{"9090": doctest.FreePort(t)},
	})
}
