package safefile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileThatIsTooLargeIsNotReadWhole(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	root, err := os.OpenRoot(folder)
	require.NoError(t, err)
	defer root.Close()
	for name, c := range map[string]struct {
		limit int64
		read  func(name string) ([]byte, error)
	}{
		"plain": {
			MaxPlain,
			func(name string) ([]byte, error) { return ReadPlain(filepath.Join(folder, name)) },
		},
		"private": {
			MaxPrivate, func(name string) ([]byte, error) { return ReadPrivate(root, name) },
		},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
		require.NoError(t, os.Truncate(filepath.Join(folder, name), c.limit))
		content, err := c.read(name)
		require.NoError(t, err)
		require.Len(t, content, int(c.limit))
		require.NoError(t, os.Truncate(filepath.Join(folder, name), 1<<40)) // a hole on the disk
		content, err = c.read(name)
		require.ErrorIs(t, err, ErrTooLarge)
		require.Nil(t, content)
	}
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
