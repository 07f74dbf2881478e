package repotest_test

import (
	"context"
	"go/ast"
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// What others implement. A method more would break all of them; a type of ours
// would make plugins that were built with another copy of this module fit no
// more.
func TestPluginsInterfacesHaveTheseMethodsAndStandardTypes(t *testing.T) {
	const ctx = "(context.Context"
	for of, methods := range map[reflect.Type][]string{
		reflect.TypeFor[provisionhook.EnvMutator](): {
			"MutateEnv func" + ctx + ", string, map[string]string) error", "Name func() string",
		},
		reflect.TypeFor[tokenprovider.TokenProvider]():          {"Token func" + ctx + ") (string, time.Time, error)"},
		reflect.TypeFor[provisionhook.TokenProvider]():          {"Token func" + ctx + ") (string, time.Time, error)"},
		reflect.TypeFor[provisionhook.WorkspaceTokenProvider](): {"WorkspaceToken func" + ctx + ", string) (string, time.Time, error)"},
		reflect.TypeFor[provisionhook.FileMutator]():            {"MutateFiles func" + ctx + ", string, map[string][]uint8) error"},
		reflect.TypeFor[provisionhook.Releaser]():               {"ReleaseWorkspace func" + ctx + ", string) error"},
		reflect.TypeFor[tokenprovider.Invalidator]():            {"Invalidate func(string) bool"},
		reflect.TypeFor[tokenprovider.Store](): {
			"Load func" + ctx + ", string) ([]uint8, error)",
			"Swap func" + ctx + ", string, []uint8, []uint8, time.Duration) (bool, error)",
		},
	} {
		var got []string
		for method := range of.Methods() {
			got = append(got, method.Name+" "+method.Type.String())
		}
		require.Equal(t, methods, got, "%s is frozen: a new ability is an optional interface beside it", of)
	}
}

// A method with another signature would make a plugin a plain mutator that
// nobody asks for tokens.
func TestEveryPluginOfThisModuleHasTheAbilitiesItMeansToHave(t *testing.T) {
	key, err := tokenhttp.NewWorkspaceKey(make([]byte, 32))
	require.NoError(t, err)
	endpoint, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: key})
	require.NoError(t, err)
	git, err := gitcredential.NewMutator(nil)
	require.NoError(t, err)
	noPolicy := func(context.Context, string) (id int64, s githubapp.Scope, err error) { return }
	each, err := githubapp.NewWorkspaceMutator(new(githubapp.App), noPolicy, &githubapp.MutatorOptions{Name: "each"})
	require.NoError(t, err)
	registry := provisionhook.NewRegistry()
	registry.Register(githubapp.NewMutator(nil, nil), each, endpoint, git)
	require.Equal(t, []provisionhook.Description{
		{Name: "github-app-auth", Type: "*githubapp.Mutator", Abilities: []string{"TokenProvider"}},
		{Name: "each", Type: "*githubapp.WorkspaceMutator", Abilities: []string{"WorkspaceTokenProvider", "Releaser"}},
		{Name: "token-endpoint", Type: "*tokenhttp.Mutator", Abilities: []string{"FileMutator"}},
		{Name: "git-credential", Type: "*gitcredential.Mutator", Abilities: []string{"FileMutator"}},
	}, registry.Describe())
}

// exportedAPI returns what api/ has of each package, by the package's path.
func exportedAPI(t *testing.T) map[string]string {
	t.Helper()
	files, err := fs.Glob(repository, "api/*.txt")
	require.NoError(t, err)
	all := map[string]string{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".txt")
		pkg := strings.TrimPrefix(strings.TrimPrefix(name, "provisionkit"), ".")
		all[strings.ReplaceAll(pkg, ".", "/")] = read(t, file)
	}
	require.Contains(t, all, "tokenprovider/tokenprom", "of a module below this one")
	return all
}

func TestEveryExportedNameIsInTheListThatIsCheckedIn(t *testing.T) {
	api := exportedAPI(t)
	public := publicPackages(t)
	for _, s := range sources(t) {
		if !slices.Contains(public, s.pkg) {
			continue
		}
		require.Contains(t, api, s.pkg)
		for _, name := range exportedNames(s.file) {
			require.Regexp(t, `(?m)^(func |type |var |const |\t)?(\([^)]*\) )?`+name+`\b`, api[s.pkg],
				"run .ci/api, and say so in CHANGELOG.md (%s)", s.name)
		}
	}
}

// exportedNames returns the names that users see of a file, without methods of
// what they don't see.
func exportedNames(file *ast.File) []string {
	var names []string
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || receiver(d).IsExported()) {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return !ast.IsExported(name) })
}

// receiver returns the name of the type that d is a method of.
func receiver(d *ast.FuncDecl) *ast.Ident {
	of := d.Recv.List[0].Type
	for {
		switch x := of.(type) {
		case *ast.StarExpr:
			of = x.X
		case *ast.IndexExpr:
			of = x.X
		case *ast.Ident:
			return x
		}
	}
}

func TestEachTypeHasOneConstructorWithOneStructOfOptionsAtMost(t *testing.T) {
	constructor := regexp.MustCompile(`(?ms)^func (New\w*)(\[[^]]*\])?\((.*?)\) \(?(\*?[\w.\[\]]+)`)
	found := 0
	for pkg, text := range exportedAPI(t) {
		made := map[string]string{}
		for _, match := range constructor.FindAllStringSubmatch(text, -1) {
			name, parameters, result := match[1], match[3], match[4]
			found++
			require.NotContains(t, name[1:], "With", "%s.%s: an option is a field of the options", pkg, name)
			require.Empty(t, made[result], "%s.%s makes a %s too", pkg, name, result)
			made[result] = name
			options := regexp.MustCompile(`\*?(\w+\.)?\w*Options\b`).FindAllString(parameters, -1)
			require.LessOrEqual(t, len(options), 1, "%s.%s", pkg, name)
			if len(options) == 1 {
				require.True(t, strings.HasSuffix(parameters, options[0]), "%s.%s: the options come last", pkg, name)
			}
			require.NotRegexp(t, `\.\.\.\w*Option\b|\.\.\.func`, parameters, "%s.%s: options are a struct", pkg, name)
		}
	}
	require.GreaterOrEqual(t, found, 15)
}

// A provider's own types would tie this module's versions to those of another one.
func TestNoTypeOfAModuleThatThisOneNeedsIsInItsAPI(t *testing.T) {
	required := readGoMod(t, ".").Require
	for pkg, text := range exportedAPI(t) {
		for _, r := range required {
			name := path.Base(regexp.MustCompile(`/v\d+$`).ReplaceAllString(r.Path, ""))
			require.NotRegexp(t, `\b`+name+`\.[A-Z]`, text, pkg)
		}
		require.NotRegexp(t, `\bsingleflight\.`, text, pkg)
	}
}
