//go:build unix

package redisstore_test

import (
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
)

func TestWhoFollowsTheGuideForPlatformEngineersSeesWhatItShows(t *testing.T) {
	proxy, _ := testutil.PublishNested(t)
	doctest.Follow(t, "docs/platform-engineers.md", doctest.Options{
		Root: filepath.Join("..", ".."), With: "tokenprovider/redisstore", Proxy: proxy,
		Instead: map[string]string{"6379": doctest.FreePort(t)},
	})
}
