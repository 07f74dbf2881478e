package safefile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileThatIsTooLargeIsNotReadWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, MaxPlain))
	content, err := ReadPlain(path)
	require.NoError(t, err)
	require.Len(t, content, MaxPlain)
	require.NoError(t, os.Truncate(path, 1<<40)) // a hole on the disk
	content, err = ReadPlain(path)
	require.ErrorIs(t, err, ErrTooLarge)
	require.Nil(t, content)
}

func TestNothingButAFileIsReadAsAPlainOne(t *testing.T) {
	t.Parallel()
	for _, path := range []string{t.TempDir(), os.DevNull} {
		_, err := ReadPlain(path)
		require.EqualError(t, err, "isn't a plain file")
	}
	_, err := ReadPlain(filepath.Join(t.TempDir(), "nothing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
