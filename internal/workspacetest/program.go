package workspacetest

import (
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/program/main.go
var programSource []byte

var programBuilt sync.Once

// Program puts testdata/program into dir under name, and returns its path. It
// is built as a program of somebody else's: it belongs to no module.
func Program(t testing.TB, dir, name string) string {
	t.Helper()
	command := testutil.Command(t)
	built := filepath.Join(filepath.Dir(command), "program"+filepath.Ext(command))
	programBuilt.Do(func() {
		if _, err := os.Stat(built); err == nil {
			return // beside a command that was built already
		}
		source := filepath.Join(filepath.Dir(command), "program.go")
		require.NoError(t, os.WriteFile(source, programSource, 0o600))
		require.NoError(t, testutil.Build(filepath.Dir(command), built, "-trimpath", source))
	})
	path := filepath.Join(dir, name+filepath.Ext(built))
	Link(t, built, path)
	return path
}

// Link makes path a link to program. On Windows, where a link to a program that
// runs can't be removed, it is a copy.
func Link(t testing.TB, program, path string) {
	t.Helper()
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Link(program, path))
		return
	}
	content, err := os.ReadFile(program)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o700))
}

// Given is what a [Program] printed: what it was given.
type Given struct {
	Args  []string `json:"args"`
	Env   []string `json:"env"`
	Stdin string   `json:"stdin"`

	Config map[string]string `json:"config"` // what gh's files of settings and logins held, by name
}

// Given returns what a [Program] printed.
func (r Result) Given(t testing.TB) Given {
	t.Helper()
	var g Given
	require.NoError(t, json.Unmarshal([]byte(r.Stdout), &g), "%s%s", r.Stdout, r.Stderr)
	g.Env = slices.DeleteFunc(g.Env, isTheSystems)
	return g
}

// isTheSystems reports whether Windows, or Wine, gives each process variable.
func isTheSystems(variable string) bool {
	name, _, _ := strings.Cut(strings.ToUpper(variable), "=")
	given := []string{"SYSTEMROOT", "SYSTEMDRIVE", "PROCESSOR_ARCHITECTURE"}
	return runtime.GOOS == "windows" && (slices.Contains(given, name) || strings.HasPrefix(name, "WINE"))
}

// Values returns those of all variables of that name.
func (g Given) Values(name string) []string {
	var values []string
	for _, variable := range g.Env {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			values = append(values, value)
		}
	}
	return values
}

// Script puts a shell script into folder, in place of a program that is there.
// No process that another test starts meanwhile may have the file open for
// writing: it could not be run then.
func Script(t testing.TB, folder, name, lines string) {
	t.Helper()
	path := filepath.Join(folder, name)
	require.NoError(t, os.RemoveAll(path))
	syscall.ForkLock.RLock()
	err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o700)
	syscall.ForkLock.RUnlock()
	require.NoError(t, err)
}
