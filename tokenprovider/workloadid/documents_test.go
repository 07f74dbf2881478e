//go:build unix

package workloadid_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestWhoFollowsTheGuideForPlatformEngineersSeesWhatItShows(t *testing.T) {
	proxy, _ := testutil.PublishNested(t)
	doctest.Follow(t, "docs/platform-engineers.md", doctest.Options{
		Root: filepath.Join("..", ".."), With: "tokenprovider/workloadid", Proxy: proxy,
	})
}

// The examples run what the guide shows.
func TestTheGuideShowsWhatTheExamplesRun(t *testing.T) {
	here, err := os.ReadFile("guide_test.go")
	require.NoError(t, err)
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "platform-engineers.md"))
	require.NoError(t, err)
	_, text, _ := strings.Cut(string(here), "package workloadid_test\n")
	require.Contains(t, string(guide), "package identities\n"+text+"```\n")
}
