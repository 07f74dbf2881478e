//go:build unix

package workloadid_test

import (
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
)

func TestWhoFollowsTheGuideForPlatformEngineersSeesWhatItShows(t *testing.T) {
	proxy, _ := testutil.PublishNested(t)
	doctest.Follow(t, "docs/platform-engineers.md", doctest.Options{
		Root: filepath.Join("..", ".."), With: "tokenprovider/workloadid", Proxy: proxy,
	})
}

// The examples run what the guide shows.
func TestTheGuideShowsWhatTheExamplesRun(t *testing.T) {
	doctest.RequireSource(t, filepath.Join("..", "..", "docs", "platform-engineers.md"), "guide_test.go", "identities")
}
