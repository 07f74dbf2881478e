//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/stretchr/testify/require"
)

func TestWhoFollowsTheReadmeSeesWhatItShows(t *testing.T) {
	github, err := githubapptest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(github.Close)
	app, err := github.SetUp("acme/widgets")
	require.NoError(t, err)
	key := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(key, app.PrivateKey(), 0o600))
	doctest.Follow(t, "examples/gogithub/README.md", doctest.Options{
		Root: "../..", Env: []string{"GITHUB_API_URL=" + github.URL},
		Instead: map[string]string{"12345": fmt.Sprint(app.AppID), "/etc/app.pem": key},
	})
}
