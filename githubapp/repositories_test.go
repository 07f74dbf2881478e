package githubapp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

const globexID = 43

// organisations is a GitHub where the app is installed on acme and globex, and
// a workspace with repositories of both and of initech, who hasn't installed it.
type organisations struct {
	*github
	app  *githubapp.App
	m    *githubapp.WorkspaceMutator
	list []string
}

func newOrganisations(t *testing.T, list ...string) *organisations {
	o := &organisations{github: newGitHub(t, nil), list: list}
	o.AddInstallation(githubapptest.Installation{
		ID: globexID, AppID: appID, Account: "globex", Repositories: []string{"globex/rockets", "globex/secret"},
	})
	o.app = o.github.app(t)
	policy, err := githubapp.Repositories(o.app, func(context.Context, string) ([]string, error) { return o.list, nil },
		map[string]string{"contents": "write"})
	require.NoError(t, err)
	o.m, err = githubapp.NewWorkspaceMutator(o.app, policy, nil)
	require.NoError(t, err)
	return o
}

// token returns the workspace's token for the repository.
func (o *organisations) token(t *testing.T, repository string) (string, error) {
	t.Helper()
	token, _, err := o.m.WorkspaceToken(tokenprovider.WithRepository(t.Context(), repository), "ws-1")
	o.output.Secret(token)
	return token, err
}

// reaches returns which of the repositories the token may read.
func (o *organisations) reaches(t *testing.T, token string) (reached []string) {
	t.Helper()
	for _, name := range []string{"acme/widgets", "acme/Gadgets", "globex/rockets", "globex/secret"} {
		if o.status(t, token, "/repos/"+name) == 200 {
			reached = append(reached, name)
		}
	}
	return reached
}

func TestThePermissionsOfRepositoriesAreItsOwn(t *testing.T) {
	permissions := map[string]string{"contents": "read"}
	policy, err := githubapp.Repositories(newGitHub(t, nil).app(t),
		func(context.Context, string) ([]string, error) { return []string{"acme/widgets"}, nil }, permissions)
	require.NoError(t, err)
	permissions["contents"] = "write"
	for range 2 {
		_, scope, err := policy(t.Context(), "ws-1")
		require.NoError(t, err)
		require.Equal(t, "read", scope.Permissions["contents"])
		scope.Permissions["contents"] = "write"
	}
}

func TestATokenIsForTheAllowedRepositoriesOfOneOwner(t *testing.T) {
	o := newOrganisations(t, "acme/widgets", "Globex/Rockets", "ACME/gadgets.git", "initech/x")
	for asked, want := range map[string][]string{
		"": {"acme/widgets", "acme/Gadgets"}, "acme": {"acme/widgets", "acme/Gadgets"},
		"acme/gadgets": {"acme/widgets", "acme/Gadgets"}, "ACME/Widgets.git": {"acme/widgets", "acme/Gadgets"},
		"globex": {"globex/rockets"}, "GLOBEX/rockets": {"globex/rockets"}, "globex/rockets.wiki": {"globex/rockets"},
	} {
		token, err := o.token(t, asked)
		require.NoError(t, err, asked)
		require.Equal(t, want, o.reaches(t, token), asked)
	}
	require.Len(t, o.attempts(), 2, "one token for each owner")
	for _, r := range o.attempts() {
		require.Contains(t, string(r.Body), `"permissions":{"contents":"write"}`)
	}
	o.list = []string{"globex/secret"}
	token, err := o.token(t, "")
	require.NoError(t, err)
	require.Equal(t, []string{"globex/secret"}, o.reaches(t, token), "what the list says counts for the next token")
	o.output.RequireClean(t)
}

func TestNothingThatIsNotAllowedCanBeAskedFor(t *testing.T) {
	o := newOrganisations(t, "acme/widgets", "globex/rockets")
	for _, asked := range []string{
		"acme/gadgets", "globex/secret", "globex/widgets", "acme/rockets", "initech", "initech/x", "initech/widgets",
		"acme/widgets/../gadgets", "acme/../globex/secret", "globex/rockets/../secret", "../globex/secret", "/globex/secret",
		"globex//secret", "globex/secret/", "globex%2fsecret", "globex/secret?", "globex/secret#", `globex\secret`,
		"globex/rockets,secret", "globex/rockets globex/secret", "globex/rockets\nglobex/secret", "globex/rockets\x00", "globex/*", "*",
		"globex/", "/", ".", "..", "enterprises/globex", "widgets", "acme/widgets/info", "acme/wıdgets", "acme/widgets.git.git", ".wiki",
		"globex/.wiki", "globex/secret.wiki", "https://github.com/globex/secret", "globex.wiki/rockets", strings.Repeat("a", 300),
	} {
		token, err := o.token(t, asked)
		require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "%q: %v", asked, err)
		require.Empty(t, token)
	}
	require.Empty(t, o.Requests(), "GitHub was asked nothing")
}

func TestAnOwnerWithoutAnInstallationIsSaid(t *testing.T) {
	o := newOrganisations(t, "acme/widgets", "initech/x", "initech/y")
	for _, asked := range []string{"initech/x", "initech/y", "initech"} {
		_, err := o.token(t, asked)
		require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
		require.ErrorContains(t, err, "the app isn't installed on initech")
	}
	require.Len(t, o.Requests(), 1, "it is known of the owner")
	_, err := o.token(t, "acme/widgets")
	require.NoError(t, err)
}

func TestARenamedOrMovedRepositoryDoesNotTakeTheOthersAlong(t *testing.T) {
	for name, row := range map[string]struct {
		to   string
		code tokenprovider.Code
		says string
	}{
		"renamed":             {"acme/sprockets", tokenprovider.CodeInvalidRequest, "422"},
		"moved":               {"globex/widgets", tokenprovider.CodeNotFound, "acme/widgets has moved to globex"},
		"moved out of reach":  {"initech/widgets", tokenprovider.CodeNotFound, "acme/widgets"},
		"renamed and allowed": {"globex/rockets2", tokenprovider.CodeNotFound, "acme/widgets has moved to globex"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrganisations(t, "acme/widgets", "acme/gadgets", "globex/rockets")
			o.AddInstallation(githubapptest.Installation{ID: globexID, AppID: appID, Account: "globex"}) // all of its repositories
			require.NoError(t, o.RenameRepository("acme/widgets", row.to))
			_, err := o.token(t, "acme/gadgets")
			require.Equal(t, tokenprovider.CodeInvalidRequest, tokenprovider.CodeOf(err), "it shows once")
			for range 2 {
				token, err := o.token(t, "acme/gadgets")
				require.NoError(t, err)
				require.Equal(t, []string{"acme/Gadgets"}, o.reaches(t, token))
				_, err = o.token(t, "acme/widgets")
				require.Equal(t, row.code, tokenprovider.CodeOf(err), "%v", err)
				require.ErrorContains(t, err, row.says)
				_, err = o.token(t, row.to)
				require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err), "the new name isn't on the list")
			}
			for range 2 { // as at a start; a name that leads on to another shows once more
				_, _ = o.token(t, "")
			}
			for _, asked := range []string{"", "acme"} {
				token, err := o.token(t, asked)
				require.NoError(t, err)
				require.Equal(t, []string{"acme/Gadgets"}, o.reaches(t, token))
			}
			before := len(o.attempts())
			o.list[0] = row.to
			if owner, _, _ := strings.Cut(row.to, "/"); owner != "initech" {
				token, err := o.token(t, row.to)
				require.NoError(t, err)
				require.Equal(t, 200, o.status(t, token, "/repos/"+row.to))
				require.Len(t, o.attempts(), before+1)
			}
			o.output.RequireClean(t)
		})
	}
}

func TestAnOwnerWhoseNameLeadsToAnotherGetsNoToken(t *testing.T) {
	o := newOrganisations(t, "oldname/secret")
	o.Fail(githubapptest.Rule{Path: "/users/oldname/installation", Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		led := r.Clone(r.Context())
		led.URL.Path = strings.Replace(r.URL.Path, "oldname", "acme", 1)
		next.ServeHTTP(w, led)
	}})
	_, err := o.token(t, "oldname/secret")
	require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err), "%v", err)
	require.Zero(t, o.Mints())
}

func TestAListThatIsOfNoUseMeansNoToken(t *testing.T) {
	o := newOrganisations(t)
	_, err := o.token(t, "")
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
	require.ErrorContains(t, err, "is empty")
	for _, entry := range []string{"", "acme", "acme/", "acme/../x", "acme/*", "https://github.com/acme/widgets"} {
		o.list = []string{"acme/widgets", entry}
		_, err := o.token(t, "acme/widgets")
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err), "%q", entry)
	}
	require.Empty(t, o.Requests())
}

func TestRepositoriesSaysWhatIsMissing(t *testing.T) {
	app := newGitHub(t, nil).app(t)
	list := func(context.Context, string) ([]string, error) { return nil, errors.New("the database is away") }
	_, err := githubapp.Repositories(nil, list, nil)
	require.ErrorContains(t, err, "App is nil")
	_, err = githubapp.Repositories(app, nil, nil)
	require.ErrorContains(t, err, "allowed is nil")
	_, err = githubapp.Repositories(app, list, map[string]string{})
	require.ErrorContains(t, err, "Scope.Permissions is empty but not nil")
	_, err = githubapp.Repositories(app, list, map[string]string{"contents": "all"})
	require.ErrorContains(t, err, "levels are read, write and admin")

	policy, err := githubapp.Repositories(app, list, nil)
	require.NoError(t, err)
	_, _, err = policy(t.Context(), "ws-1")
	require.ErrorContains(t, err, "the database is away")
}
