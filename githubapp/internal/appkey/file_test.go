package appkey_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/stretchr/testify/require"
)

func TestAKeyFileThatIsNoFileIsRefusedAtOnce(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"a folder": dir, "a device": os.DevNull, "a pipe": newPipe(t, dir)} {
		_, err := appkey.ReadFile(path)
		require.ErrorContains(t, err, path+" is no regular file", name)
	}
}

func TestAFileThatIsTooLargeForAKeyIsRefused(t *testing.T) {
	log := filepath.Join(t.TempDir(), "messages")
	require.NoError(t, os.WriteFile(log, make([]byte, 256<<10+1), 0o600))
	_, err := appkey.OpenRing(log)
	require.ErrorContains(t, err, log+" is larger than 262144 bytes")
}
