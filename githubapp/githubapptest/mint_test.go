package githubapptest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

func TestATokenHasTheFormatAskedFor(t *testing.T) {
	t.Parallel()
	const classic, stateless = `^ghs_[A-Za-z0-9]{36}$`, `^ghs_12_[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`
	for _, c := range []struct {
		option       githubapptest.TokenFormat
		header, want string
	}{
		{githubapptest.FormatStateless, "", stateless},
		{githubapptest.FormatClassic, "", classic},
		{githubapptest.FormatStateless, "disabled", classic},
		{githubapptest.FormatClassic, "enabled", stateless},
		{githubapptest.FormatClassic, "perhaps", classic},
	} {
		f := newFake(t, &githubapptest.Options{TokenFormat: c.option})
		resp := f.do("POST", mintPath, f.bearer(), "", "X-GitHub-Stateless-S2s-Token", c.header)
		require.Regexp(t, c.want, resp.json["token"])
		if c.want == stateless {
			require.InDelta(t, 520, len(resp.json["token"].(string)), 4)
		}
		f.SetTokenFormat(githubapptest.FormatClassic)
		token, _ := f.mint("")
		require.Regexp(t, classic, token)
	}
}

func TestATokenLivesUntilItsAnnouncedExpiryAndNotLonger(t *testing.T) {
	t.Parallel()
	f := newFake(t, &githubapptest.Options{TokenLife: time.Second})
	asked := f.Now()
	token, expiresAt := f.mint("")
	require.Zero(t, expiresAt.Nanosecond())
	require.False(t, expiresAt.Before(asked.Add(time.Second)), "it lives at least as long as it was told to")
	require.True(t, expiresAt.Before(f.Now().Add(2*time.Second)))

	alive := func() bool {
		before := f.Now()
		resp := f.do("GET", "/installation/repositories", "Bearer "+token, "")
		after := f.Now()
		if resp.StatusCode == http.StatusOK {
			require.True(t, before.Before(expiresAt), "alive past its expiry")
			return true
		}
		require.Equal(t, "Bad credentials", resp.message())
		require.False(t, after.Before(expiresAt), "dead before its expiry")
		return false
	}
	require.True(t, alive())
	require.Eventually(t, func() bool { return !alive() }, 10*time.Second, 5*time.Millisecond)

	f.SetTokenLife(0)
	_, expiresAt = f.mint("")
	require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, 5*time.Second)
	f.SetClockOffset(2 * time.Hour)
	require.False(t, f.Now().Before(expiresAt))
}

func TestMintNarrowsToWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.AddInstallation(githubapptest.Installation{
		ID: 345, AppID: appID, Account: account, Repositories: []string{"acme/one", "acme/two", "acme/three"},
		Permissions: map[string]string{"contents": "write", "issues": "read", "organization_projects": "admin"},
	})
	f.AddInstallation(githubapptest.Installation{ID: 400, AppID: appID, Account: "other", Repositories: []string{"other/four"}})
	repositoryID := func(name string) int64 {
		return int64(f.do("GET", "/repos/"+name, "token "+mintAny(f, name), "").json["id"].(float64))
	}
	two, four := repositoryID("acme/two"), repositoryID("other/four")

	many := strings.Repeat(`"one",`, 500) + `"one"`
	for name, c := range map[string]struct {
		body         string
		status       int
		message      string
		permissions  map[string]any
		repositories []string // nil: not narrowed
	}{
		"no body": {
			"", 201, "", map[string]any{"contents": "write", "issues": "read", "organization_projects": "admin", "metadata": "read"}, nil},
		"an empty object": {
			"{}", 201, "", map[string]any{"contents": "write", "issues": "read", "organization_projects": "admin", "metadata": "read"}, nil},
		"empty lists, which mean everything": {
			`{"repositories":[],"repository_ids":[],"permissions":{}}`, 201, "",
			map[string]any{"contents": "write", "issues": "read", "organization_projects": "admin", "metadata": "read"}, nil},
		"names":              {`{"repositories":["one","TWO"],"permissions":{"contents":"read"}}`, 201, "", map[string]any{"contents": "read", "metadata": "read"}, []string{"acme/one", "acme/two"}},
		"an id and its name": {fmt.Sprintf(`{"repository_ids":[%d],"repositories":["two"],"permissions":{"organization_projects":"write"}}`, two), 201, "", map[string]any{"organization_projects": "write", "metadata": "read"}, []string{"acme/two"}},
		"a higher level":     {`{"permissions":{"issues":"write"}}`, 422, "The permissions requested are not granted to this installation.", nil, nil},
		"a permission more":  {`{"permissions":{"workflows":"write"}}`, 422, "The permissions requested are not granted to this installation.", nil, nil},
		"a hyphen":           {`{"permissions":{"pull-requests":"read"}}`, 422, "Invalid request.\n\nFor 'properties/permissions', \"pull-requests\" is not a permission.", nil, nil},
		"no such level":      {`{"permissions":{"issues":"admin"}}`, 422, "Invalid request.\n\nFor 'properties/permissions', \"admin\" is not one of issues's levels: read, write.", nil, nil},
		"no such repository": {`{"repositories":["one","nine"]}`, 422, "There is at least one repository that does not exist or is not accessible to the parent installation.", nil, nil},
		"an owner in a name": {`{"repositories":["acme/one"]}`, 422, "There is at least one repository that does not exist or is not accessible to the parent installation.", nil, nil},
		"a foreign id":       {fmt.Sprintf(`{"repository_ids":[%d]}`, four), 422, "There is at least one repository that does not exist or is not accessible to the parent installation.", nil, nil},
		"501 repositories":   {`{"repositories":[` + many + `]}`, 422, "Too many repositories for installation. At most 500 repositories are permitted.", nil, nil},
		"not JSON":           {`{"repositories":`, 400, "Problems parsing JSON", nil, nil},
		"an array":           {`[]`, 400, "Body should be a JSON object", nil, nil},
		"null, as ghinstallation sends it": {
			"null", 201, "", map[string]any{"contents": "write", "issues": "read", "organization_projects": "admin", "metadata": "read"}, nil},
		"text for a list": {`{"repositories":"one"}`, 422, "Invalid request.\n\nFor 'properties/repositories', is not of the type that the schema has.", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			resp := f.do("POST", mintPath, f.bearer(), c.body)
			require.Equal(t, c.message, resp.message())
			require.Equal(t, c.status, resp.StatusCode)
			if c.status != http.StatusCreated {
				return
			}
			require.Equal(t, c.permissions, resp.json["permissions"])
			require.Equal(t, "selected", resp.json["repository_selection"])
			require.Equal(t, c.repositories, fullNames(resp.json["repositories"]))

			reachable := c.repositories
			if reachable == nil {
				reachable = []string{"acme/one", "acme/two", "acme/three"}
			}
			list := f.do("GET", "/installation/repositories", "Bearer "+resp.json["token"].(string), "")
			require.Equal(t, reachable, fullNames(list.json["repositories"]), "the token's scope is what the mint said")
		})
	}
}

// mintAny returns a token of the installation that covers the repository.
func mintAny(f *fake, fullName string) string {
	f.t.Helper()
	found := f.do("GET", "/repos/"+fullName+"/installation", f.bearer(), "")
	id := int64(found.json["id"].(float64))
	return f.do("POST", fmt.Sprintf("/app/installations/%d/access_tokens", id), f.bearer(), "").json["token"].(string)
}

func fullNames(list any) []string {
	var names []string
	objects, _ := list.([]any)
	for _, object := range objects {
		names = append(names, object.(map[string]any)["full_name"].(string))
	}
	return names
}

func TestMintRefusesASuspendedAnUnknownAndAForeignInstallation(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.AddApp(githubapptest.App{ID: 13, Keys: keys(foreignKey(t))})
	f.AddInstallation(githubapptest.Installation{ID: 700, AppID: 13, Account: "acme"})
	for _, path := range []string{"/app/installations/346/access_tokens", "/app/installations/700/access_tokens", "/app/installations/x/access_tokens"} {
		resp := f.do("POST", path, f.bearer(), "")
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
		require.Equal(t, "Not Found", resp.message())
	}

	f.Suspend(installationID, true)
	resp := f.do("POST", mintPath, f.bearer(), "")
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	require.Equal(t, "This installation has been suspended", resp.message())
	require.NotEqual(t, "0", resp.Header.Get("X-RateLimit-Remaining"), "it is no rate limit")
	require.NotEmpty(t, resp.Header.Get("X-RateLimit-Reset"))

	f.Suspend(installationID, false)
	f.mint("")
	require.Equal(t, 1, f.Mints())
}

func TestAMintsAnswerIsAsLargeAsGitHubs(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account, Repositories: []string{"acme/one"}})
	resp := f.do("POST", mintPath, f.bearer(), `{"repositories":["one"]}`)
	repository := resp.json["repositories"].([]any)[0].(map[string]any)
	require.Greater(t, len(repository), 80)
	require.Greater(t, len(resp.body), 4000)
	require.Equal(t, "acme", repository["owner"].(map[string]any)["login"])
}
