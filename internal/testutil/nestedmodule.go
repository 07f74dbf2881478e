package testutil

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// PublishNested publishes, at a proxy of their own, the root's module and the one
// in the working folder, two folders below it. It returns the path of the latter.
func PublishNested(t testing.TB) (proxy *ModuleProxy, path string) {
	t.Helper()
	proxy = NewModuleProxy(t.TempDir())
	proxy.Publish(t, filepath.Join("..", ".."), "v0.1.0")
	return proxy, proxy.Publish(t, ".", "v0.1.0")
}

// RunConsumer runs source, a main.go, in a module that requires v0.1.0 of the one
// at path and nothing else, and returns what it prints.
func (p *ModuleProxy) RunConsumer(t testing.TB, path, source string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":  "module consumer.example\n\ngo 1.26.0\n\nrequire " + path + " v0.1.0\n",
		"main.go": source,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return p.Go(t, dir, "run", ".")
}
