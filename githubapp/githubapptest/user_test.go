package githubapptest_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

func TestAUserTokenReachesWhatBothPersonAndAppReach(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	f.AddInstallation(anInstallationOf("acme/widgets", "acme/gadgets", "acme/secret"))
	f.AddInstallation(githubapptest.Installation{ID: 9, AppID: appID, Account: "alice", AccountType: "User", Repositories: []string{"alice/notes"}})
	f.AddInstallation(githubapptest.Installation{ID: 10, AppID: appID, Account: "other", Repositories: []string{"other/things"}})
	f.Uninstall(10) // it only made the name
	alice, _ := f.signIn("alice")
	bob, _ := f.signIn("bob")
	status := func(token, repository string) int {
		return f.do("GET", "/repos/"+repository, "Bearer "+token, "").StatusCode
	}
	for repository, want := range map[string][2]int{
		"acme/widgets": {200, 404}, "acme/gadgets": {200, 404}, "alice/notes": {200, 404},
		"acme/secret":  {404, 404}, // the app's alone
		"other/things": {404, 404}, // alice's alone
	} {
		require.Equal(t, want, [2]int{status(alice, repository), status(bob, repository)}, repository)
	}
	pushes := func(repository string) any {
		return f.do("GET", "/repos/"+repository, "token "+alice, "").json["permissions"].(map[string]any)["push"]
	}
	require.Equal(t, []any{true, false, true}, []any{pushes("acme/widgets"), pushes("acme/gadgets"), pushes("alice/notes")})

	f.Suspend(installationID, true)
	require.Equal(t, []int{404, 200}, []int{status(alice, "acme/widgets"), status(alice, "alice/notes")})
	f.Suspend(installationID, false)
	f.AddUser(githubapptest.User{Login: "alice", Access: map[string]string{"ACME": "read"}})
	require.Equal(t, 200, status(alice, "acme/secret"))
	require.Equal(t, false, pushes("acme/widgets"))
}

func TestAUserTokenIsThePersonToTheAPI(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	alice, _ := f.signIn("alice")
	user := f.do("GET", "/user", "Bearer "+alice, "").json
	require.Equal(t, []any{"alice", "Alice", "User"}, []any{user["login"], user["name"], user["type"]})
	require.Equal(t, user, f.do("GET", "/users/alice", "", "").json)
	viewer := f.do("POST", "/graphql", "bearer "+alice, `{"query":"{viewer{login name databaseId}}"}`).json
	require.Equal(t, map[string]any{"login": "alice", "name": "Alice", "databaseId": user["id"]}, viewer["data"].(map[string]any)["viewer"])

	req, err := http.NewRequest("GET", f.URL, nil)
	require.NoError(t, err)
	req.SetBasicAuth("anyone", alice)
	for _, authorization := range []string{"Bearer " + alice, "token " + alice, req.Header.Get("Authorization")} {
		require.Equal(t, 200, f.do("GET", "/user", authorization, "").StatusCode)
	}
	installation, _ := f.mint("")
	require.Equal(t, 403, f.whoami(installation))
	for method, path := range map[string]string{"GET": "/installation/repositories", "DELETE": "/installation/token"} {
		require.Equal(t, 403, f.do(method, path, "Bearer "+alice, "").StatusCode)
	}
	require.Equal(t, 401, f.do("GET", "/app", "Bearer "+alice, "").StatusCode)

	f.SetPropagationDelay(time.Minute)
	require.Equal(t, 401, f.whoami(alice))
}

func TestPeopleHaveRateLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	alice, _ := f.signIn("alice")
	again, _ := f.signIn("alice")
	bob, _ := f.signIn("bob")
	f.SetRateLimit(1)
	require.Equal(t, []any{"alice", 403, "bob"}, []any{f.whoami(alice), f.whoami(again), f.whoami(bob)})
	refused := f.do("GET", "/user", "Bearer "+alice, "")
	require.Regexp(t, `^API rate limit exceeded for user ID \d+\.$`, refused.message())
	for _, r := range f.Requests() {
		if r.Path == "/user" {
			require.Contains(t, []string{"alice", "bob"}, r.Login)
			require.Zero(t, r.InstallationID)
			require.EqualValues(t, appID, r.AppID)
		}
	}
}

func TestGitPushesInThePersonsName(t *testing.T) {
	t.Parallel()
	f := newPeople(t, nil)
	widgets, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	gadgets, err := f.AddRepository("acme/gadgets")
	require.NoError(t, err)
	alice, refresh := f.signIn("alice")
	git := f.newGit("")
	authenticate(git, "oauth2", alice)
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	git.Run(t, "", "clone", "--quiet", widgets, one)
	git.Run(t, one, "push", "--quiet", "origin", "main:topic")
	git.Run(t, "", "clone", "--quiet", gadgets, two)
	_, stderr, err := git.Try(t, two, "push", "origin", "main:topic")
	require.Error(t, err)
	require.Contains(t, stderr, "Permission to acme/gadgets.git denied to alice.")

	f.AddInstallation(githubapptest.Installation{
		ID: installationID, AppID: appID, Account: account, Permissions: map[string]string{"contents": "read"},
	})
	_, stderr, err = git.Try(t, one, "push", "origin", "main:another")
	require.Error(t, err)
	require.Contains(t, stderr, "Permission to acme/widgets.git denied to alice.")

	require.Contains(t, f.refresh(refresh).json, "access_token")
	_, stderr, err = git.Try(t, one, "fetch")
	require.Error(t, err)
	require.Contains(t, stderr, "Authentication failed")
}

func TestAddUserRefusesWhatGitHubWouldNotHave(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	for want, u := range map[string]githubapptest.User{
		"no login of an account":             {Login: "a b"},
		"none of read, write, admin":         {Login: "alice", Access: map[string]string{"acme": "owner"}},
		"is neither an owner nor owner/name": {Login: "alice", Access: map[string]string{"acme/..": "read"}},
	} {
		func() {
			defer func() { require.Contains(t, recover(), want) }()
			f.AddUser(u)
		}()
	}
}
