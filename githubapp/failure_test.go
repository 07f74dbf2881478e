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
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// What went wrong with other libraries, where no other test of this package is
// about it.

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

func TestAHerdHasNoMoreMintsUnderWayThanAllowed(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			now += by
			most = max(most, now)
		}
		app, err := githubapp.New(githubapp.Options{AppID: 7, PrivateKey: key, HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			count(1)
			defer count(-1)
			time.Sleep(100 * time.Millisecond)
			return canned(r)
		})}})
		require.NoError(t, err)
		var all sync.WaitGroup
		for n := range 200 {
			all.Go(func() {
				if _, _, err := app.Installation(int64(1 + n)).Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Equal(t, 16, most)
	})
}

func TestTokensThatAreRefusedForHoursCostAMintPerSettleAndNoMore(t *testing.T) {
	mints := 0
	inBubble(t, minting(&mints), func(t *testing.T, app *githubapp.App) {
		i := app.Installation(installationID)
		for began := time.Now(); time.Since(began) < 2*time.Hour; time.Sleep(100 * time.Millisecond) {
			token, _, err := i.Token(t.Context())
			require.NoError(t, err)
			require.False(t, i.Invalidate("ghs_another"), "it is the exact token that goes")
			i.Invalidate(token)
		}
		require.LessOrEqual(t, mints, 2*60*60/5+1)
	})
}

func TestARotatedKeyDropsNoToken(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	token, _ := g.mint(t, app.Installation(installationID))
	g.RotateKeys(appID, &testutil.RSAKey(t, 1).PublicKey)
	require.Equal(t, tokenprovider.CodeUnauthenticated, g.tokenError(t, app.Installation(installationID, widgets)).Code)
	held, _ := g.mint(t, app.Installation(installationID))
	require.Equal(t, token, held)
	require.Equal(t, http.StatusOK, g.status(t, token, "/installation/repositories"))
}

func TestAScopeByIDOutlivesARename(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	named := app.Installation(installationID, widgets)
	g.mint(t, named)
	granted, ok := named.Granted()
	require.True(t, ok)
	require.Len(t, granted.RepositoryIDs, 1)
	require.NoError(t, g.RenameRepository("acme/widgets", "acme/things"))
	g.mint(t, app.Installation(installationID, githubapp.Scope{RepositoryIDs: granted.RepositoryIDs}))
	renamed := app.Installation(installationID, widgets, githubapp.Scope{Permissions: contentsRead.Permissions})
	require.Equal(t, tokenprovider.CodeInvalidRequest, g.tokenError(t, renamed).Code, "a name isn't the repository")
}

func TestAPolicyThatGivesEverythingIsLoggedAsAWarning(t *testing.T) {
	g := newGitHub(t, nil)
	p := newTable()
	p.set("a", &githubapp.Scope{})
	m := newWorkspaceMutator(t, g.app(t), p.policy, nil)
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

// exported returns what users see of a declaration: a signature, and the
// exported fields of a type.
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
