package repotest_test

import (
	"fmt"
	"go/format"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// consumer is a module of somebody else's, who has this module as it is published.
type consumer struct {
	*testutil.ModuleProxy
	dir string
}

func newConsumer(t *testing.T) *consumer {
	t.Helper()
	c := &consumer{published(t), t.TempDir()}
	c.write(t, "go.mod", []byte("module consumer.example\n\ngo 1.26.0\n"))
	c.Go(t, c.dir, "get", module)
	return c
}

func (c *consumer) write(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(c.dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, content, 0o644))
}

// It imports each public package, and does what README.md says in its words.
func TestAModuleOutsideImportsAllAndRunsTheReadmesSnippets(t *testing.T) {
	t.Parallel()
	testutil.NeedTool(t, "git") // for the fake GitHub's repository
	c := newConsumer(t)
	var imports strings.Builder
	public := publicPackages(t)
	require.Contains(t, public, "tokenprovider/workspace")
	for _, path := range public {
		fmt.Fprintf(&imports, "\t_ %q\n", module+"/"+path)
	}
	c.write(t, "everything/everything.go", []byte("package everything\n\nimport (\n"+imports.String()+")\n"))

	main, err := os.ReadFile(filepath.Join("testdata", "consumer", "main.go"))
	require.NoError(t, err)
	c.write(t, "main.go", main)
	snippets := readmeSnippets(t)
	require.Contains(t, snippets, "gateway")
	require.Contains(t, snippets, "platform")
	require.Contains(t, snippets, "plugin")
	for name, code := range snippets {
		formatted, err := format.Source(code)
		require.NoError(t, err, name)
		require.Equal(t, string(formatted), string(code), "the snippet of package %s isn't as gofmt writes it", name)
		c.write(t, name+"/"+name+".go", code)
	}
	require.NotContains(t, string(snippets["plugin"]), module, "a plugin needs no import of this module")

	c.Go(t, c.dir, "vet", "./...")
	require.Equal(t, "gateway: a branch that the API moves: 403 and without a bearer: 401\n"+
		"platform: the workspace pulled a token, and has none in its environment: true\n"+
		"plugin: https://packages.example and 1 fetch for 1000 reads\n", c.Go(t, c.dir, "run", "."))
	gomod, err := os.ReadFile(filepath.Join(c.dir, "go.mod"))
	require.NoError(t, err)
	require.NotContains(t, string(gomod), "replace")
}

// The go command runs and installs nothing from a module whose go.mod has a
// replace. README.md has the command installed.
func TestTheCommandAndTheExamplesComeFromThePublishedModule(t *testing.T) {
	t.Parallel()
	c := newConsumer(t)
	const name = "git-credential-provisionkit"
	said := c.Go(t, c.dir, "run", module+"/tokenprovider/workspace/"+name+"@"+release, "version")
	require.Contains(t, said, name+" "+release+" go", "it knows its version, and tells the platform")
	for _, example := range []string{"quickstart", "platform"} {
		built := c.Go(t, c.dir, "run", "-exec", "go version -m", module+"/examples/"+example+"@"+release)
		require.Regexp(t, `(?m)^\tmod\t`+module+`\t`+release+`\t`, built)
	}
}

// What holds tokens or mutators must be one object: a copy has a lock of its
// own and misses what the other learns.
func TestVetRefusesACopyOfWhatHoldsTokensOrMutators(t *testing.T) {
	t.Parallel()
	c := newConsumer(t)
	types := []string{
		"githubapp.App", "githubapp.Installation", "githubapp.WorkspaceMutator", "provisionhook.Registry",
		"tokenprovider.Cache", "tokenprovider.Shared", "tokenprovider.Keyed[string]", "tokenhttp.Client",
	}
	var code strings.Builder
	fmt.Fprintf(&code, "package copies\n\nimport (\n\t%q\n\t%q\n\t%q\n\t%q\n)\n",
		module+"/githubapp", module+"/provisionhook", module+"/tokenprovider", module+"/tokenprovider/tokenhttp")
	for n, name := range types {
		fmt.Fprintf(&code, "\nfunc Copy%d(p *%s) any { c := *p; return &c }\n", n, name)
	}
	c.write(t, "copies.go", []byte(code.String()))
	_, said, err := c.TryGo(t, c.dir, "vet", ".")
	require.Error(t, err)
	for _, name := range types {
		name, _, _ := strings.Cut(name, "[")
		require.Regexp(t, "assignment copies lock value to c: .*"+regexp.QuoteMeta(name), said)
	}
}

// publicPackages returns the packages of the root module that others can
// import, by their path in it.
func publicPackages(t *testing.T) []string {
	var public []string
	for _, s := range sources(t) {
		room := isLeaf(s.pkg) || owner(s.pkg) != s.pkg
		if s.pkg != "." && !room && s.file.Name.Name != "main" && !slices.Contains(public, s.pkg) {
			public = append(public, s.pkg)
		}
	}
	return public
}

// readmeSnippets returns the Go files in README.md, by their package.
func readmeSnippets(t *testing.T) map[string][]byte {
	blocks, err := doctest.Blocks(read(t, "README.md"))
	require.NoError(t, err)
	snippets := map[string][]byte{}
	for _, b := range blocks {
		if name := path.Dir(b.File); b.Kind == "go" {
			require.Equal(t, name+"/"+name+".go", b.File)
			require.NotContains(t, snippets, name, "each snippet is a file of a package of its own")
			snippets[name] = []byte(b.Text)
		}
	}
	return snippets
}
