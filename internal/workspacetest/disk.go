package workspacetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// NeedDisk skips a test of what is kept where nothing is.
func NeedDisk(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("nothing is kept on disk here")
	}
}

// Kept returns the path of the one file of env's folder that has this
// extension.
func Kept(t testing.TB, env map[string]string, extension string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(env["XDG_RUNTIME_DIR"], "provisionkit", "*"+extension))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// Age makes what is kept in env's folder older.
func Age(t testing.TB, env map[string]string, by time.Duration) {
	t.Helper()
	path := Kept(t, env, ".json")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var record map[string]any
	require.NoError(t, json.Unmarshal(content, &record))
	for name, value := range record {
		if text, ok := value.(string); ok && strings.HasSuffix(name, "_at") {
			at, err := time.Parse(time.RFC3339Nano, text)
			require.NoError(t, err)
			record[name] = at.Add(-by)
		}
	}
	content, err = json.Marshal(record)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

// Erase tells the command, as git does, that a password was refused.
func Erase(t testing.TB, env map[string]string, password string) {
	t.Helper()
	input := "protocol=https\nhost=github.com\nusername=x-access-token\npassword=" + password + "\n\n"
	require.Equal(t, Result{}, Call(t, env, input, "erase"))
}
