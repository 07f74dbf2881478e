package provisionkit_test

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// A module of somebody else's imports each public package, and does what README.md says in the words of README.md.
func TestAModuleOutsideImportsEveryPackageAndRunsTheReadmesSnippets(t *testing.T) {
	testutil.NeedTool(t, "git") // for the fake GitHub's repository
	root, err := os.Getwd()
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name string, content []byte) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, 0o644))
	}

	// go.mod is what `go get` would make of it, without asking the network.
	gomod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	gosum, err := os.ReadFile("go.sum")
	require.NoError(t, err)
	write("go.mod", append(bytes.Replace(gomod, []byte("module "+module), []byte("module consumer.example"), 1),
		fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %[1]s => %s\n", module, root)...))
	write("go.sum", gosum)

	var imports strings.Builder
	public := publicPackages(t)
	require.Contains(t, public, "tokenprovider/workspace")
	for _, path := range public {
		fmt.Fprintf(&imports, "\t_ %q\n", module+"/"+path)
	}
	write("everything/everything.go", []byte("package everything\n\nimport (\n"+imports.String()+")\n"))

	main, err := os.ReadFile(filepath.Join("testdata", "consumer", "main.go"))
	require.NoError(t, err)
	write("main.go", main)
	snippets := readmeSnippets(t)
	require.Contains(t, snippets, "platform")
	require.Contains(t, snippets, "plugin")
	for name, code := range snippets {
		formatted, err := format.Source(code)
		require.NoError(t, err, name)
		require.Equal(t, string(formatted), string(code), "the snippet of package %s isn't as gofmt writes it", name)
		write(name+"/"+name+".go", code)
	}
	require.NotContains(t, string(snippets["plugin"]), module, "a plugin needs no import of this module")

	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "go %v: %s", args, out)
		return string(out)
	}
	run("vet", "./...")
	require.Equal(t, "platform: the workspace pulled the token that it was given: true\n"+
		"plugin: https://packages.example and 1 fetch for 1000 reads\n", run("run", "."))
}

// publicPackages are the packages of this module that others can import, by their path in it.
func publicPackages(t *testing.T) []string {
	var public []string
	for _, f := range sources(t) {
		command := f.name == "tokenprovider/workspace/git-credential-provisionkit/main.go"
		internal := strings.Contains(f.pkg, "/internal/")
		if f.pkg != "." && !command && !internal && !slices.Contains(public, f.pkg) {
			public = append(public, f.pkg)
		}
	}
	return public
}

// readmeSnippets are the Go files in README.md, by their package.
func readmeSnippets(t *testing.T) map[string][]byte {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	snippets := map[string][]byte{}
	for _, match := range regexp.MustCompile("(?s)```go\n(package (\\w+)\n.*?)```").FindAllSubmatch(readme, -1) {
		snippets[string(match[2])] = match[1]
	}
	require.Equal(t, strings.Count(string(readme), "```go\n"), len(snippets), "each snippet is a file of a package of its own")
	return snippets
}
