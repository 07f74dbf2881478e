package provisionkit_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
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
	".":                                        {},
	"tokenprovider":                            {},
	"tokenprovider/tokenprovidertest":          {"tokenprovider"},
	"tokenprovider/gitcredential":              {"tokenprovider"},
	"tokenprovider/tokenhttp":                  {"tokenprovider", "tokenprovider/gitcredential", "provisionhook"},
	"tokenprovider/workspace":                  {"tokenprovider", "tokenprovider/gitcredential", "tokenprovider/tokenhttp"},
	"provisionhook":                            {"tokenprovider", "internal/foreign", "internal/wire"},
	"provisionhook/provisionhooktest":          {"tokenprovider", "provisionhook", "internal/foreign"},
	"githubapp":                                {"tokenprovider"},
	"githubapp/githubapptest":                  {"githubapp/githubapptest/internal/graphql"},
	"githubapp/githubapptest/internal/graphql": {},
	"tokenprovider/workspace/git-credential-provisionkit": {"tokenprovider/workspace"},
	"tokenprovider/workspace/internal/process":            {"tokenprovider/gitcredential"},
	"tokenprovider/workspace/internal/safefile":           {},
	"tokenprovider/workspace/internal/self":               {"tokenprovider/gitcredential"},
	"tokenprovider/workspace/internal/config":             {"tokenprovider", "tokenprovider/gitcredential"},
	"tokenprovider/workspace/internal/platform":           {"tokenprovider", "tokenprovider/gitcredential", "tokenprovider/tokenhttp"},
	"tokenprovider/workspace/internal/install":            {"tokenprovider/gitcredential"},
	"tokenprovider/workspace/internal/ghshim":             {"tokenprovider/gitcredential"},
	"tokenprovider/workspace/internal/doctor":             {"tokenprovider", "tokenprovider/gitcredential", "tokenprovider/tokenhttp"},
}

func TestEveryPackageImportsOnlyWhatItsArrowsAllow(t *testing.T) {
	for _, f := range sources(t) {
		allowed, known := arrows[f.pkg]
		if !known {
			t.Errorf("package %s is new: add it to arrows, with the packages of this module that it may import", f.pkg)
			continue
		}
		for _, imported := range f.imports {
			ours, ok := strings.CutPrefix(imported, module+"/")
			if ok && !slices.Contains(allowed, ours) && !strings.HasPrefix(ours, "internal/") && !isRoom(f.pkg, ours) {
				t.Errorf("%s imports %s, which its package's arrows don't allow: %v", f.name, ours, allowed)
			}
		}
	}
}

// isRoom reports whether a package is in the internal folder of pkg, or beside pkg
// in one.
func isRoom(pkg, imported string) bool {
	owner, _, room := strings.Cut(imported, "/internal/")
	return room && (pkg == owner || strings.HasPrefix(pkg, owner+"/internal/"))
}

func TestOnlyTestsImportWhatIsForTests(t *testing.T) {
	forTests := regexp.MustCompile(`^` + module + `/(internal/testutil|.*test)$|^testing$|^github.com/stretchr/testify|^go.uber.org/goleak`)
	for _, f := range sources(t) {
		if strings.HasSuffix(f.pkg, "test") {
			continue
		}
		for _, imported := range f.imports {
			require.NotRegexp(t, forTests, imported, "%s imports it", f.name)
		}
	}
}

// What needs more modules is a module of its own.
func TestTheRootModuleRequiresFourModules(t *testing.T) {
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
	require.NotEmpty(t, file.Require)
	for _, r := range file.Require {
		if !r.Indirect {
			require.Contains(t, []string{
				"golang.org/x/sync", "github.com/golang-jwt/jwt/v5", "github.com/stretchr/testify", "go.uber.org/goleak",
			}, r.Path, "go.mod requires it directly")
		}
	}
	require.Empty(t, file.Replace, "a published go.mod has no replace")
	require.Empty(t, file.Exclude)
}

// The core serves any forge and any other kind of token. One sentence of it names the log that its digests are found in.
func TestTheCoreKnowsNoForge(t *testing.T) {
	for _, f := range sources(t) {
		if f.pkg != "tokenprovider" && f.pkg != "provisionhook" {
			continue
		}
		content, err := os.ReadFile(f.name)
		require.NoError(t, err)
		text := strings.ReplaceAll(string(content), module, "")
		text = strings.ReplaceAll(text, "the form in which GitHub's audit log names a token", "")
		require.NotRegexp(t, `(?i)github|gitlab|ghs_|x-access-token`, text, f.name)
	}
}

// modules are the folders of the modules below this one that others can use.
var modules = []string{"tokenprovider/redisstore", "tokenprovider/tokenprom"}

func TestModulesAreWhereTheirPathsSayAndRequireOneRelease(t *testing.T) {
	var below []string
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "go.mod" && filepath.Dir(name) != "." {
			below = append(below, filepath.ToSlash(filepath.Dir(name)))
		}
		return err
	}))
	for _, dir := range append(below, ".") {
		out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", path.Join(dir, "go.mod")).Output()
		require.NoError(t, err)
		var file struct {
			Module  struct{ Path string }
			Require []struct{ Path, Version string }
			Replace []struct {
				Old, New struct{ Path, Version string }
			}
		}
		require.NoError(t, json.Unmarshal(out, &file))
		require.Equal(t, path.Join(module, dir), file.Module.Path)
		for _, r := range file.Require {
			if strings.HasPrefix(r.Path, module) {
				require.Equal(t, release, r.Version, "%s requires another release of %s", dir, r.Path)
			}
		}
		for _, r := range file.Replace { // who depends on a module doesn't see its replacements
			require.Equal(t, path.Join(module, dir, r.New.Path), r.Old.Path, dir)
		}
	}
	for _, dir := range modules {
		require.Contains(t, below, dir)
	}
	require.Subset(t, slices.Concat(modules, []string{"examples/gogithub", "internal/peerbench", "internal/clienttest", "internal/soak"}), below,
		"a new module: say here whether others can use it")
}
