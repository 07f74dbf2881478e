package provisionkit_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/molecule-ai/provisionkit"

// arrows says for each package which packages of this module it may import. Examples, internal packages and tests may
// import any. githubapp must not import provisionhook: a mutator fits EnvMutator by its methods alone, as a plugin's does.
var arrows = map[string][]string{
	"":                                {},
	"tokenprovider":                   {},
	"tokenprovider/tokenprovidertest": {"tokenprovider"},
	"tokenprovider/gitcredential":     {"tokenprovider"},
	"tokenprovider/tokenhttp":         {"tokenprovider", "tokenprovider/gitcredential", "provisionhook"},
	"tokenprovider/workspace":         {"tokenprovider", "tokenprovider/gitcredential", "tokenprovider/tokenhttp"},
	"provisionhook":                   {"tokenprovider"},
	"provisionhook/provisionhooktest": {"tokenprovider", "provisionhook"},
	"githubapp":                       {"tokenprovider"},
	"githubapp/githubapptest":         {"tokenprovider", "githubapp"},
	"tokenprovider/workspace/git-credential-provisionkit": {"tokenprovider/workspace"},
}

// pkg is what go list tells about a package.
type pkg struct {
	ImportPath string
	Imports    []string // of what is built, not of its tests
}

func (p pkg) path() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

func (p pkg) isProgramOrInternal() bool {
	return strings.HasPrefix(p.path(), "examples/") || strings.HasPrefix(p.path(), "internal/")
}

// ours are the packages of this module among imports, by their path in it.
func ours(imports []string) []string {
	var found []string
	for _, path := range imports {
		if path == module {
			found = append(found, "")
		} else if rest, ok := strings.CutPrefix(path, module+"/"); ok {
			found = append(found, rest)
		}
	}
	return found
}

// packages are all packages of this module.
func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	require.NoError(t, err)
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		all = append(all, p)
	}
	require.NotEmpty(t, all)
	return all
}

func TestEveryPackageImportsOnlyWhatItsArrowsAllow(t *testing.T) {
	for _, p := range packages(t) {
		if p.isProgramOrInternal() {
			continue
		}
		allowed, known := arrows[p.path()]
		if !known {
			t.Errorf("package %s is new: add it to arrows, with the packages of this module that it may import", p.ImportPath)
			continue
		}
		for _, path := range ours(p.Imports) {
			if !slices.Contains(allowed, path) {
				t.Errorf("package %s imports %q, which its arrows don't allow: %v", p.ImportPath, path, allowed)
			}
		}
	}
}

func TestOnlyTestsImportWhatIsForTests(t *testing.T) {
	forTests := regexp.MustCompile(`^` + module + `/(internal/testutil|.*test)$|^github.com/stretchr/testify|^go.uber.org/goleak`)
	for _, p := range packages(t) {
		if p.isProgramOrInternal() {
			continue
		}
		for _, path := range p.Imports {
			require.NotRegexp(t, forTests, path, "package %s imports it", p.ImportPath)
		}
	}
}

// The root requires these modules and no other: what needs more is a module of its own.
func TestTheRootModuleRequiresOnlyWhatItsDesignAllows(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	require.NoError(t, err)
	var file struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace, Exclude []any
	}
	require.NoError(t, json.Unmarshal(out, &file))
	allowed := []string{"golang.org/x/sync", "github.com/golang-jwt/jwt/v5", "github.com/stretchr/testify", "go.uber.org/goleak"}
	require.NotEmpty(t, file.Require)
	for _, r := range file.Require {
		require.True(t, r.Indirect || slices.Contains(allowed, r.Path), "go.mod requires %s directly", r.Path)
	}
	require.Empty(t, file.Replace, "a published go.mod has no replace")
	require.Empty(t, file.Exclude)
}
