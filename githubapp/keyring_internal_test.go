package githubapp

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestAKeyringGoesOnOnlyWithAKeyThatTheCallHasNotTried(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(file, slices.Concat(testutil.RSAKeyPEM(t, 0), testutil.RSAKeyPEM(t, 1)), 0o600))
	r, err := newKeyring(Options{KeyFile: file})
	require.NoError(t, err)
	first, second := r.keys[0], r.keys[1]

	require.True(t, r.next(first, []*key{first}))
	require.Same(t, second, r.inUse())
	require.True(t, r.next(first, []*key{first}), "another call has moved on already")
	require.Same(t, second, r.inUse())
	require.False(t, r.next(first, []*key{second, first}), "what another call put into use, this one has tried")
	require.False(t, r.next(second, []*key{first, second}))
	require.Same(t, second, r.inUse())

	require.NoError(t, r.reload())
	require.Same(t, second, r.inUse(), "the same key is the same value after it was read again")
	require.NoError(t, os.WriteFile(file, testutil.RSAKeyPEM(t, 2), 0o600))
	require.NoError(t, r.reload())
	require.False(t, r.inUse().is(second))
	require.NoError(t, os.Remove(file))
	require.Error(t, r.reload())
	require.NotNil(t, r.inUse())
}
