package testutil

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// GHEnv returns what the real gh needs in its environment to send everything to
// the server on a unix socket, whatever host it is asked for, to keep its
// configuration below home, and to ask nobody anything.
func GHEnv(t testing.TB, home, socket string) map[string]string {
	t.Helper()
	config := filepath.Join(home, "gh")
	require.NoError(t, os.Mkdir(config, 0o700))
	settings := "version: \"1\"\nhttp_unix_socket: " + socket + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(config, "config.yml"), []byte(settings), 0o600))
	return map[string]string{
		"GH_CONFIG_DIR": config, "GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1",
	}
}
