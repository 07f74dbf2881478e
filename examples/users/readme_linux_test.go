// On other systems than Linux Go takes no certificate from a file.

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/stretchr/testify/require"
)

func TestWhoFollowsTheReadmeSeesWhatItShows(t *testing.T) {
	t.Parallel()
	lab := startLab(t)
	trusted := filepath.Join(t.TempDir(), "lab.pem")
	require.NoError(t, os.WriteFile(trusted, lab.certPEM(), 0o600))
	doctest.Follow(t, "examples/users/README.md", doctest.Options{
		Root: "../..", Env: []string{"SSL_CERT_FILE=" + trusted, "GIT_SSL_CAINFO=" + trusted},
		Instead: map[string]string{
			"https://gitlab.com": lab.URL, "your-application": lab.github.app.ClientID, "your-group/your-project": "acme/widgets",
		},
	})
	require.NotEmpty(t, refreshes(lab.github.Requests()))
	require.Equal(t, map[string]bool{"oauth2": true}, lab.users)
}
