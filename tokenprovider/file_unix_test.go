//go:build unix

package tokenprovider_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// To open a named pipe that nobody writes to takes for ever.
func TestAFileThatIsAPipeIsAnErrorAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	err := requireCode(t, tokenprovider.File(path), tokenprovider.CodeUnavailable)
	require.ErrorContains(t, err, "is not a regular file")
}
