package workspacetest

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// NeedDisk skips a test of what is kept where nothing is.
func NeedDisk(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("nothing is kept on disk here")
	}
}

// Kept returns the path of the one file of env's folder that has this extension.
func Kept(t testing.TB, env map[string]string, extension string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(env["XDG_RUNTIME_DIR"], "provisionkit", "*"+extension))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// Erase tells the command, as git does, that a password was refused.
func Erase(t testing.TB, env map[string]string, password string) {
	t.Helper()
	input := "protocol=https\nhost=github.com\nusername=x-access-token\npassword=" + password + "\n\n"
	require.Equal(t, Result{}, Call(t, env, input, "erase"))
}
