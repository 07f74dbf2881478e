package tokenprom_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

const consumer = `package main

import (
	"fmt"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprom"
	"github.com/prometheus/client_golang/prometheus"
)

func main() {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(tokenprom.NewCollector(map[string]tokenprovider.TokenProvider{"app": tokenprovider.NewCache(tokenprovider.Static("a token"), nil)}))
	families, err := registry.Gather()
	fmt.Println(len(families) > 0, err)
}
`

// It has this module and the one that it needs as they are published.
func TestAModuleOutsideUsesTheCollector(t *testing.T) {
	proxy := testutil.NewModuleProxy(t.TempDir())
	proxy.Publish(t, filepath.Join("..", ".."), "v0.1.0")
	path := proxy.Publish(t, ".", "v0.1.0")
	require.Equal(t, "github.com/molecule-ai/provisionkit/tokenprovider/tokenprom", path)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module consumer.example\n\ngo 1.26.0\n\nrequire "+path+" v0.1.0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(consumer), 0o600))
	require.Equal(t, "true <nil>\n", proxy.Go(t, dir, "run", "."))
}
