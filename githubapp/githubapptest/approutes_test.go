package githubapptest_test

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func foreignKey(t *testing.T) *rsa.PublicKey { return &testutil.RSAKey(t, 1).PublicKey }

func TestTheAppDescribesItself(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	resp := f.do("GET", "/app", f.bearer(), "")
	require.EqualValues(t, appID, resp.json["id"])
	require.Equal(t, "robot", resp.json["slug"])
	require.Equal(t, clientID, resp.json["client_id"])
	require.EqualValues(t, 1, resp.json["installations_count"])
	require.Equal(t, map[string]any{"contents": "write", "issues": "read", "metadata": "read"}, resp.json["permissions"])
}

func TestAnInstallationIsFoundByItsIDItsAccountAndItsRepositories(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.AddInstallation(githubapptest.Installation{ID: 2, AppID: appID, Account: "alice", AccountType: "User", Repositories: []string{"alice/notes"}})
	f.AddInstallation(githubapptest.Installation{ID: 3, AppID: appID, Account: "big", AccountType: "Enterprise"})
	f.AddApp(githubapptest.App{ID: 13, Keys: keys(foreignKey(t))})
	f.AddInstallation(githubapptest.Installation{ID: 4, AppID: 13, Account: "foreign", Repositories: []string{"foreign/x", "alice/lent"}})
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)

	for path, id := range map[string]int64{ // 0: 404
		"/app/installations/345":           345,
		"/app/installations/4":             0, // of another app
		"/app/installations/99":            0,
		"/orgs/acme/installation":          345,
		"/orgs/ACME/installation":          345,
		"/orgs/alice/installation":         0,
		"/users/alice/installation":        2,
		"/users/acme/installation":         345, // answers for organisations too
		"/enterprises/big/installation":    3,
		"/orgs/nobody/installation":        0,
		"/repos/acme/widgets/installation": 345,
		"/repos/Alice/Notes/installation":  2,
		"/repos/alice/lent/installation":   0, // not selected
		"/repos/acme/nothing/installation": 0,
		"/repositories/999/installation":   0,
	} {
		resp := f.do("GET", path, f.bearer(), "")
		if id == 0 {
			require.Equal(t, http.StatusNotFound, resp.StatusCode, path)
			require.Equal(t, "Not Found", resp.message(), path)
			continue
		}
		require.Equal(t, http.StatusOK, resp.StatusCode, path)
		require.EqualValues(t, id, resp.json["id"], path)
		require.EqualValues(t, appID, resp.json["app_id"], path)
		require.Nil(t, resp.json["suspended_at"])
	}
	enterprise := f.do("GET", "/app/installations/3", f.bearer(), "").json["account"].(map[string]any)
	require.Equal(t, "big", enterprise["slug"])
	require.NotContains(t, enterprise, "login", "an enterprise has none")
}

func TestInstallationsComeInPages(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	for id := int64(1); id <= 249; id++ {
		f.AddInstallation(githubapptest.Installation{ID: 1000 + id, AppID: appID, Account: fmt.Sprintf("org-%d", id)})
	}
	page := func(query string) (ids []int64, link string) {
		resp := f.do("GET", query, f.bearer(), "")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		var list []struct{ ID int64 }
		require.NoError(t, json.Unmarshal(resp.body, &list))
		for _, i := range list {
			ids = append(ids, i.ID)
		}
		return ids, resp.Header.Get("Link")
	}
	ids, link := page("/app/installations")
	require.Len(t, ids, 30)
	require.Equal(t, fmt.Sprintf(`<%[1]s/app/installations?page=2>; rel="next", <%[1]s/app/installations?page=9>; rel="last"`, f.URL), link)

	ids, link = page("/api/v3/app/installations?per_page=1000&page=2")
	require.Len(t, ids, 100, "100 is the most")
	base := f.URL + "/api/v3/app/installations?page=%d&per_page=1000"
	require.Equal(t, fmt.Sprintf(`<`+base+`>; rel="prev", <`+base+`>; rel="next", <`+base+`>; rel="last", <`+base+`>; rel="first"`, 1, 3, 3, 1), link)

	ids, link = page("/app/installations?per_page=100&page=3")
	require.Len(t, ids, 50)
	require.NotContains(t, link, `rel="next"`)

	ids, _ = page("/app/installations?page=77")
	require.Empty(t, ids)
	ids, _ = page("/app/installations?since=2999-01-01T00:00:00Z")
	require.Empty(t, ids)
}

func TestAnInstallationIsSuspendedAndRemovedByTheApp(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	token, _ := f.mint("")
	status := func(method, path string, header ...string) int {
		return f.do(method, path, f.bearer(), "", header...).StatusCode
	}
	probe := func() *response { return f.do("GET", "/installation/repositories", "token "+token, "") }
	const path = "/app/installations/345"

	require.Equal(t, http.StatusNoContent, status("PUT", path+"/suspended"))
	resp := f.do("GET", path, f.bearer(), "")
	require.Equal(t, http.StatusOK, resp.StatusCode, "a suspended installation can still be looked up")
	require.NotEmpty(t, resp.json["suspended_at"])
	require.NotEmpty(t, resp.json["suspended_by"])
	require.Equal(t, http.StatusForbidden, probe().StatusCode)
	require.Equal(t, "This installation has been suspended", probe().message())

	require.Equal(t, http.StatusNoContent, status("DELETE", path+"/suspended"))
	require.Equal(t, http.StatusOK, probe().StatusCode)

	require.Equal(t, http.StatusNoContent, status("DELETE", path))
	require.Equal(t, http.StatusNotFound, status("GET", path))
	require.Equal(t, http.StatusUnauthorized, probe().StatusCode)
	require.Equal(t, http.StatusNotFound, status("DELETE", path))

	f.AddInstallation(githubapptest.Installation{ID: 345, AppID: appID, Account: account})
	require.Equal(t, http.StatusAccepted, status("DELETE", path, "X-Github-Api-Version", "2026-03-10"))
}

func TestARenamedRepositoryIsRedirectedToItsID(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account, Repositories: []string{"acme/old"}})
	require.NoError(t, f.RenameRepository("acme/old", "acme/new"))
	token, _ := f.mint("")

	resp := f.do("GET", "/repos/acme/old/installation", f.bearer(), "")
	require.Equal(t, http.StatusMovedPermanently, resp.StatusCode)
	location := resp.Header.Get("Location")
	require.Regexp(t, "^"+f.URL+`/repositories/\d+/installation$`, location)
	require.Equal(t, "Moved Permanently", resp.message())
	require.Equal(t, location, resp.json["url"])
	resp = f.do("GET", strings.TrimPrefix(location, f.URL), f.bearer(), "")
	require.EqualValues(t, installationID, resp.json["id"])

	resp = f.do("GET", "/repos/acme/old", "token "+token, "")
	require.Equal(t, http.StatusMovedPermanently, resp.StatusCode)
	resp = f.do("GET", strings.TrimPrefix(resp.Header.Get("Location"), f.URL), "token "+token, "")
	require.Equal(t, "acme/new", resp.json["full_name"])

	resp = f.do("POST", mintPath, f.bearer(), `{"repositories":["old"]}`)
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode, "names move, ids don't")

	require.ErrorContains(t, f.RenameRepository("acme/none", "acme/x"), "there is no repository")
	require.ErrorContains(t, f.RenameRepository("acme/new", "x"), "want owner/name")
	f.AddInstallation(githubapptest.Installation{ID: 9, AppID: appID, Account: account, Repositories: []string{"acme/taken"}})
	require.ErrorContains(t, f.RenameRepository("acme/new", "acme/taken"), "already")
}

func TestABreachOfTheContractIsRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	for name, c := range map[string]struct {
		method, path string
		header       []string
		status       int
		body         string
	}{
		"no user agent":        {"GET", "/app", []string{"User-Agent", ""}, 403, "Please make sure your request has a User-Agent header"},
		"an unknown version":   {"GET", "/app", []string{"X-Github-Api-Version", "2020-01-01"}, 400, "X-GitHub-Api-Version"},
		"another method":       {"PATCH", "/app", nil, 404, "Not Found"},
		"a doubled slash":      {"GET", "//app", nil, 404, "Not Found"},
		"a path with dots":     {"GET", "/x/../app", nil, 404, "Not Found"},
		"a path of no routes":  {"GET", "/nothing", nil, 404, "Not Found"},
		"the prefix by itself": {"GET", "/api/v3", nil, 404, "Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			resp := f.do(c.method, c.path, f.bearer(), "", c.header...)
			require.Equal(t, c.status, resp.StatusCode)
			require.Contains(t, string(resp.body), c.body)
		})
	}
	require.Equal(t, http.StatusOK, f.do("GET", "/app", f.bearer(), "", "X-Github-Api-Version", "2026-03-10").StatusCode)
}

func TestAnEnforcedRateLimitIsOfEachAppAndInstallation(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	token, _ := f.mint("")
	f.SetRateLimit(2)
	for n := range 2 {
		resp := f.do("GET", "/app", f.bearer(func(c jwt.MapClaims) { c["iat"] = f.Now().Unix() - int64(n) }), "")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, fmt.Sprint(1-n), resp.Header.Get("X-RateLimit-Remaining"))
	}
	resp := f.do("GET", "/app", f.bearer(), "")
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	require.Equal(t, "API rate limit exceeded for app ID 12.", resp.message())
	require.Equal(t, "0", resp.Header.Get("X-RateLimit-Remaining"))

	probe := func() *response { return f.do("GET", "/installation/repositories", "token "+token, "") }
	require.Equal(t, http.StatusOK, probe().StatusCode, "the installation has a limit of its own")
	require.Equal(t, http.StatusOK, probe().StatusCode)
	require.Equal(t, "API rate limit exceeded for installation ID 345.", probe().message())

	f.SetRateLimit(0)
	require.Equal(t, "4999", probe().Header.Get("X-RateLimit-Remaining"))
	resp = f.do("GET", "/rate_limit", "token "+token, "")
	require.Equal(t, "4999", resp.Header.Get("X-RateLimit-Remaining"), "to ask costs nothing")
	require.EqualValues(t, 4999, resp.json["rate"].(map[string]any)["remaining"])
}

func TestAServerWithoutRateLimitsAnnouncesNone(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.SetRateLimit(-1)
	for name := range f.do("GET", "/api/v3/app", f.bearer(), "").Header {
		require.NotContains(t, name, "Ratelimit")
	}
	resp := f.do("GET", "/api/v3/rate_limit", f.bearer(), "")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Equal(t, "Rate limiting is not enabled.", resp.message())
}

func TestLinksLeadToTheBaseThatWasAsked(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	for _, base := range []string{"", "/api/v3"} {
		resp := f.do("GET", base+"/app/installations/345", f.bearer(), "")
		require.Equal(t, f.URL+base+"/app/installations/345/access_tokens", resp.json["access_tokens_url"])
		require.Equal(t, f.URL+"/organizations/acme/settings/installations/345", resp.json["html_url"], "web pages have no such base")
	}
	f.AddInstallation(anInstallationOf("acme/one"))
	token, _ := f.mint("")
	resp := f.do("GET", "/repos/acme/one", "token "+token, "")
	host := strings.TrimPrefix(f.URL, "http://")
	require.Equal(t, "git://"+host+"/acme/one.git", resp.json["git_url"])
	require.Equal(t, "git@"+host+":acme/one.git", resp.json["ssh_url"])
	require.Equal(t, f.URL+"/acme/one.git", resp.json["clone_url"])
}
