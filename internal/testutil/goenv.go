package testutil

import (
	"encoding/json"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// GoEnv returns one of the settings of the go command on this machine: GOCACHE,
// GOFLAGS, GOMODCACHE or GOPROXY.
func GoEnv(t testing.TB, name string) string {
	t.Helper()
	NeedTool(t, "go")
	settings, err := goEnv()
	require.NoError(t, err)
	require.Contains(t, settings, name)
	return settings[name]
}

var goEnv = sync.OnceValues(func() (map[string]string, error) {
	output, err := exec.Command("go", "env", "-json", "GOCACHE", "GOFLAGS", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return nil, err
	}
	var settings map[string]string
	return settings, json.Unmarshal(output, &settings)
})
