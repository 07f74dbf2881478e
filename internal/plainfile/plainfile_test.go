package plainfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/plainfile"
	"github.com/stretchr/testify/require"
)

func TestAFileThatIsTooLargeIsNotReadWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, plainfile.Most))
	content, err := plainfile.Read(path, plainfile.Most)
	require.NoError(t, err)
	require.Len(t, content, plainfile.Most)
	require.NoError(t, os.Truncate(path, 1<<40)) // a hole on the disk
	content, err = plainfile.Read(path, plainfile.Most)
	require.ErrorIs(t, err, plainfile.ErrTooLarge)
	require.Nil(t, content)
}

func TestNothingButAFileIsReadAsAPlainOne(t *testing.T) {
	t.Parallel()
	for _, path := range []string{t.TempDir(), os.DevNull} {
		_, err := plainfile.Read(path, plainfile.Most)
		require.EqualError(t, err, "isn't a plain file")
	}
	_, err := plainfile.Read(filepath.Join(t.TempDir(), "nothing"), plainfile.Most)
	require.ErrorIs(t, err, os.ErrNotExist)
}
