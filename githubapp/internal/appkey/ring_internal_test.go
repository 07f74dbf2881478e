package appkey

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestARingGoesOnOnlyWithAKeyThatTheCallHasNotTried(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(file, slices.Concat(testutil.RSAKeyPEM(t, 0), testutil.RSAKeyPEM(t, 1)), 0o600))
	r, err := OpenRing(file)
	require.NoError(t, err)
	first, second := r.keys[0], r.keys[1]

	require.True(t, r.Next(first, []*Key{first}))
	require.Same(t, second, r.InUse())
	require.True(t, r.Next(first, []*Key{first}), "another call has moved on already")
	require.Same(t, second, r.InUse())
	require.False(t, r.Next(first, []*Key{second, first}), "what another call put into use, this one has tried")
	require.False(t, r.Next(second, []*Key{first, second}))
	require.Same(t, second, r.InUse())

	require.NoError(t, r.Reload())
	require.Same(t, second, r.InUse(), "the same key is the same value after it was read again")
	require.NoError(t, os.WriteFile(file, testutil.RSAKeyPEM(t, 2), 0o600))
	require.NoError(t, r.Reload())
	require.False(t, r.InUse().Same(second))
	require.NoError(t, os.Remove(file))
	require.Error(t, r.Reload())
	require.NotNil(t, r.InUse())
}
