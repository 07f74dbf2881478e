package githubapp_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// What went wrong with other libraries, where no other test of this package is about it.

func TestOneAppServesManyInstallationsAtTheSameTime(t *testing.T) {
	g := newGitHub(t, nil)
	for id := range 20 {
		g.AddInstallation(githubapptest.Installation{ID: int64(100 + id), AppID: appID, Account: "org"})
	}
	app := g.app(t)
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			i := app.Installation(int64(100 + n%20))
			if _, _, err := i.Token(t.Context()); err != nil {
				t.Error(err)
			}
			_, granted := i.Granted()
			_ = i.Invalidate("ghs_another")
			if s := i.Status(); !granted || s.ExpiresAt.IsZero() {
				t.Error("no grant or no expiry beside a token")
			}
		})
	}
	all.Wait()
	require.Equal(t, 20, g.Mints(), "no herd makes two of one installation")
	require.Equal(t, 1, g.Signatures())
}

func TestAScopeThatGitHubRefusesIsNamedAndAskedForOnce(t *testing.T) {
	g := newGitHub(t, nil)
	i := g.app(t).Installation(installationID, githubapp.Scope{Repositories: []string{"widgets", "moved-away"}})
	for range 10 {
		err := g.tokenError(t, i)
		require.Equal(t, tokenprovider.CodeInvalidRequest, err.Code)
		require.ErrorContains(t, err, "repositories moved-away, widgets")
		require.ErrorContains(t, err, "422")
	}
	require.Len(t, g.attempts(), 1)
}

func TestAFreshTokenThatIsRefusedForAMomentIsNotReplaced(t *testing.T) {
	g := newGitHub(t, nil)
	g.SetPropagationDelay(time.Minute)
	i := g.app(t).Installation(installationID)
	fresh, _ := g.mint(t, i)
	require.Equal(t, http.StatusUnauthorized, g.status(t, fresh, "/installation/repositories"))
	for range 1000 { // a flood of refusals is no flood of mints
		require.False(t, i.Invalidate(fresh))
	}
	again, _ := g.mint(t, i)
	require.Equal(t, fresh, again)
	require.Equal(t, 1, g.Mints())
}

func TestAPolicyThatGivesEverythingIsLoggedAsAWarning(t *testing.T) {
	g := newGitHub(t, nil)
	p := newTable()
	p.set("a", &githubapp.Scope{})
	m := githubapp.NewWorkspaceMutator(g.app(t), p.policy, nil)
	g.workspaceToken(t, m, "b")
	require.NotContains(t, g.output.String(), "doesn't narrow")
	g.workspaceToken(t, m, "a")
	require.Contains(t, g.output.String(), "policy doesn't narrow a workspace's token")
	require.Contains(t, g.output.String(), "WARN")
}

func TestAWorkspaceGetsNothingButItsToken(t *testing.T) {
	g := newGitHub(t, nil)
	env := map[string]string{}
	require.NoError(t, githubapp.NewMutator(g.app(t).Installation(installationID), nil).MutateEnv(t.Context(), "a", env))
	require.Len(t, env, 2)
	for name, value := range env {
		g.output.Secret(value)
		require.Contains(t, []string{"GH_TOKEN", "GITHUB_TOKEN"}, name)
		require.True(t, strings.HasPrefix(value, "ghs_"), "an installation token, and no key")
	}
}

func TestNoTypeOfAnotherModuleIsInTheAPI(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		foreign := map[string]bool{}
		for _, spec := range file.Imports {
			if path := strings.Trim(spec.Path.Value, `"`); strings.Contains(path, ".") && !strings.HasSuffix(path, "/tokenprovider") {
				foreign[strings.TrimSuffix(path, "/v5")[strings.LastIndex(strings.TrimSuffix(path, "/v5"), "/")+1:]] = true
			}
		}
		for _, declaration := range file.Decls {
			ast.Inspect(exported(declaration), func(n ast.Node) bool {
				if selected, ok := n.(*ast.SelectorExpr); ok {
					if of, ok := selected.X.(*ast.Ident); ok {
						require.False(t, foreign[of.Name], "%s: %s.%s is part of the API: its next major version would be one of this module", name, of.Name, selected.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// exported is what users see of a declaration: a signature, and the exported fields of a type.
func exported(d ast.Decl) ast.Node {
	visible := &ast.FieldList{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() {
			return d.Type
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			named, ok := spec.(*ast.TypeSpec)
			if !ok || !named.Name.IsExported() {
				continue
			}
			of, ok := named.Type.(*ast.StructType)
			if !ok {
				return named.Type
			}
			for _, field := range of.Fields.List {
				if len(field.Names) == 0 || field.Names[0].IsExported() {
					visible.List = append(visible.List, field)
				}
			}
		}
	}
	return visible
}
