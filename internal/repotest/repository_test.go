package repotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/molecule-ai/provisionkit"

// modules are the folders of the modules below the root's that others can use.
var modules = []string{"tokenprovider/oauth2token", "tokenprovider/redisstore", "tokenprovider/tokenprom", "tokenprovider/workloadid"}

// forTests are the folders of internal/ that tests share or that have nothing
// but tests. Each other package of the root module there is a leaf.
var forTests = []string{
	"internal/doctest", "internal/endtoend", "internal/fleet", "internal/issuertest", "internal/repotest", "internal/testutil", "internal/workspacetest",
}

// root is the folder of the repository. All names of files are below it.
var root = filepath.Join("..", "..")

// repository has the files of the repository.
var repository = os.DirFS(root)

// read returns the content of a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	content, err := fs.ReadFile(repository, name)
	require.NoError(t, err)
	return string(content)
}

// source is a Go file that is neither a test nor an example nor for tests.
type source struct {
	name, pkg string
	file      *ast.File
	imports   []string
	below     bool // in one of modules
}

// sources returns the sources of the root module.
func sources(t *testing.T) []source {
	t.Helper()
	return slices.DeleteFunc(allSources(t), func(s source) bool { return s.below })
}

// allSources returns the sources of the root module and of modules.
func allSources(t *testing.T) []source {
	t.Helper()
	all, err := readSources()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return slices.Clone(all)
}

// readSources reads the files themselves, for every platform at once. A list
// from the go command would leave out those of other platforms, and the result
// of a test that runs it would be cached although a file has changed.
var readSources = sync.OnceValues(func() ([]source, error) {
	var all []source
	for _, dir := range append([]string{"."}, modules...) {
		err := fs.WalkDir(repository, dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if name != dir && !hasSources(name) {
					return fs.SkipDir
				}
				return nil
			}
			if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			s := source{name: name, pkg: path.Dir(name), below: dir != "."}
			if s.file, err = parse(name); err != nil {
				return err
			}
			for _, spec := range s.file.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				s.imports = append(s.imports, imported)
			}
			all = append(all, s)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
})

// hasSources reports whether the folder is part of the module above it and may
// have sources.
func hasSources(dir string) bool {
	_, noModule := fs.Stat(repository, path.Join(dir, "go.mod"))
	name := path.Base(dir)
	return noModule != nil && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_") &&
		name != "testdata" && dir != "examples" && !slices.Contains(forTests, dir)
}

// parsedFiles are the files that parse has read, by their names.
var parsedFiles sync.Map

// parse parses a Go file of the repository, once.
func parse(name string) (*ast.File, error) {
	if file, ok := parsedFiles.Load(name); ok {
		return file.(*ast.File), nil
	}
	content, err := fs.ReadFile(repository, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, content, 0)
	if err == nil {
		parsedFiles.Store(name, file)
	}
	return file, err
}
