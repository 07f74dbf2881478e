package githubapptest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

func TestATokenIsAcceptedInEveryFormThatClientsUse(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	token, _ := f.mint("")
	req, err := http.NewRequest("GET", f.URL, nil)
	require.NoError(t, err)
	req.SetBasicAuth("x-access-token", token)
	for _, authorization := range []string{"Bearer " + token, "bearer " + token, "token " + token, req.Header.Get("Authorization")} {
		require.Equal(t, 200, f.do("GET", "/installation/repositories", authorization, "").StatusCode)
	}
	for _, authorization := range []string{"", token, "Bearer ", "token " + token + "x", f.bearer()} {
		require.Equal(t, 401, f.do("GET", "/installation/repositories", authorization, "").StatusCode)
	}
}

func TestATokenIsRevokedOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	token, _ := f.mint("")
	other, _ := f.mint("")
	revoke := func() *response { return f.do("DELETE", "/installation/token", "token "+token, "") }
	resp := revoke()
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Empty(t, resp.Header.Get("Content-Type"))
	require.Equal(t, http.StatusUnauthorized, revoke().StatusCode)
	require.Equal(t, 200, f.do("GET", "/installation/repositories", "token "+other, "").StatusCode)
}

func TestARepositorysPermissionsAreThoseOfTheToken(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	for body, want := range map[string][2]any{ // pull and push
		"":                             {true, true},
		`{"repositories":["widgets"]}`: {true, true},
		`{"repositories":["widgets"],"permissions":{"contents":"read"}}`: {true, false},
		`{"repositories":["widgets"],"permissions":{"issues":"read"}}`:   {false, false},
	} {
		permissions := func(repository any) [2]any {
			granted := repository.(map[string]any)["permissions"].(map[string]any)
			return [2]any{granted["pull"], granted["push"]}
		}
		resp := f.do("POST", mintPath, f.bearer(), body)
		token := "token " + resp.json["token"].(string)
		if strings.Contains(body, "repositories") {
			require.Equal(t, want, permissions(resp.json["repositories"].([]any)[0]), body)
		}
		listed := f.do("GET", "/installation/repositories", token, "").json["repositories"].([]any)
		require.Len(t, listed, 1)
		require.Equal(t, want, permissions(listed[0]), body)
		require.Equal(t, want, permissions(f.do("GET", "/repos/acme/widgets", token, "").json), body)
	}
}

func TestATokenOutlivesAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	token, _ := f.mint("")
	f.SetClockOffset(-time.Minute)
	require.Equal(t, 200, f.do("GET", "/installation/repositories", "token "+token, "").StatusCode)
	require.Equal(t, http.StatusNoContent, f.do("DELETE", "/installation/token", "token "+token, "").StatusCode)
}

func TestTokensDieBehindTheirHoldersBack(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	for name, kill := range map[string]func(token string){
		"RevokeToken": f.RevokeToken,
		"RefuseToken": f.RefuseToken,
		"Uninstall":   func(string) { f.Uninstall(installationID) },
	} {
		token, _ := f.mint("")
		kill("ghs_unknown")
		if name != "Uninstall" {
			require.Equal(t, 200, f.do("GET", "/installation/repositories", "token "+token, "").StatusCode, name)
			kill(token)
		}
		resp := f.do("GET", "/installation/repositories", "token "+token, "")
		require.Equal(t, 401, resp.StatusCode, name)
		require.Equal(t, "Bad credentials", resp.message(), name)
		f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account})
	}
}

func TestAFreshTokenIsRefusedWhileItPropagates(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	f.SetPropagationDelay(time.Minute)
	whole, _ := f.mint("")
	narrowed, _ := f.mint(`{"permissions":{"contents":"read"}}`)
	probe := func(token string) *response {
		return f.do("GET", "/installation/repositories", "token "+token, "")
	}
	require.Equal(t, 401, probe(whole).StatusCode)
	require.Equal(t, 403, probe(narrowed).StatusCode)
	require.Equal(t, "Resource not accessible by integration", probe(narrowed).message())
	_, stderr, err := f.newGit(whole).Try(t, "", "ls-remote", f.URL+"/acme/widgets.git")
	require.Error(t, err)
	require.Contains(t, stderr, "not found")

	f.SetClockOffset(2 * time.Minute)
	require.Equal(t, 200, probe(whole).StatusCode)
	require.Equal(t, 200, probe(narrowed).StatusCode)
}

func TestATokenReachesItsRepositoriesOnlyAndIsNoUser(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account, Repositories: []string{"acme/one", "acme/two"}})
	token, _ := f.mint(`{"repositories":["one"]}`)
	get := func(path string) *response { return f.do("GET", path, "token "+token, "") }
	require.Equal(t, "acme/one", get("/repos/acme/one").json["full_name"])
	require.Equal(t, 404, get("/repos/acme/two").StatusCode)
	require.Equal(t, 404, get("/repositories/1").StatusCode)
	resp := get("/user")
	require.Equal(t, 403, resp.StatusCode)
	require.Equal(t, "Resource not accessible by integration", resp.message())

	list := get("/installation/repositories?per_page=1")
	require.EqualValues(t, 1, list.json["total_count"])
	require.Equal(t, "selected", list.json["repository_selection"])
}

func TestATokenLosesWhatItsInstallationLoses(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account, Repositories: []string{"acme/one", "acme/two"}})
	token, _ := f.mint("")
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account, Repositories: []string{"acme/two"}})
	require.Equal(t, 404, f.do("GET", "/repos/acme/one", "token "+token, "").StatusCode)
	require.Equal(t, 200, f.do("GET", "/repos/acme/two", "token "+token, "").StatusCode)
}
