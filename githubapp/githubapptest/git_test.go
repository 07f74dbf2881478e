package githubapptest_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

func TestGitClonesFetchesAndPushesWithAToken(t *testing.T) {
	for name, opts := range map[string]*githubapptest.Options{
		"over HTTP/1.1, a classic token": {TokenFormat: githubapptest.FormatClassic},
		"over HTTPS, a stateless token":  {TLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, opts)
			url, err := f.AddRepository("acme/widgets")
			require.NoError(t, err)
			require.Equal(t, f.URL+"/acme/widgets.git", url)
			token, _ := f.mint("")
			git := f.newGit(token)

			one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
			git.Run(t, "", "clone", "--quiet", url, one)
			git.Run(t, "", "clone", "--quiet", url, two)
			readme, err := os.ReadFile(filepath.Join(one, "README.md"))
			require.NoError(t, err)
			require.Equal(t, "# widgets\n", string(readme))

			// More than http.postBuffer (1 MiB), incompressible: git sends it chunked on HTTP/1.1.
			large := make([]byte, 3<<20)
			_, _ = rand.Read(large)
			require.NoError(t, os.WriteFile(filepath.Join(one, "large"), large, 0o600))
			git.Run(t, one, "add", "large")
			git.Run(t, one, "commit", "--quiet", "--message", "Add a large file")
			git.Run(t, one, "push", "--quiet")
			git.Run(t, two, "pull", "--quiet")
			pulled, err := os.ReadFile(filepath.Join(two, "large"))
			require.NoError(t, err)
			require.Equal(t, large, pulled)
		})
	}
}
