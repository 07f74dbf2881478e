package githubapptest_test

import (
	"encoding/json"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

func (f *fake) graphQL(token, query string) *response {
	f.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	require.NoError(f.t, err)
	return f.do("POST", "/graphql", "bearer "+token, string(body))
}

func TestGraphQLAnswersWhatATokenMaySee(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	_, err = f.AddRepository("acme/old")
	require.NoError(t, err)
	require.NoError(t, f.RenameRepository("acme/old", "acme/new"))
	f.AddInstallation(githubapptest.Installation{ID: 9, AppID: appID, Account: "person", AccountType: "User", Repositories: []string{"person/paper"}})
	all, _ := f.mint("")
	narrow, _ := f.mint(`{"repositories":["widgets"],"permissions":{"contents":"read"}}`)
	issues, _ := f.mint(`{"permissions":{"issues":"read"}}`)
	persons := f.do("POST", "/app/installations/9/access_tokens", f.bearer(), "").json["token"].(string)

	const widgets = `{repository(owner:"Acme",name:"WIDGETS"){`
	for name, c := range map[string]struct{ token, query, want string }{
		"the bot": {all, `{viewer{login __typename isViewer url}}`,
			`{"data":{"viewer":{"login":"robot[bot]","__typename":"User","isViewer":true,"url":"` + f.URL + `/apps/robot"}}}`},
		"a repository": {all, widgets + `nameWithOwner isPrivate isEmpty viewerPermission viewerCanAdminister owner{__typename login} issues{totalCount}}}`,
			`{"data":{"repository":{"nameWithOwner":"acme/widgets","isPrivate":true,"isEmpty":false,"viewerPermission":"WRITE","viewerCanAdminister":false,
			"owner":{"__typename":"Organization","login":"acme"},"issues":{"totalCount":0}}}}`},
		"read access": {narrow, widgets + `viewerPermission defaultBranchRef{name}}}`,
			`{"data":{"repository":{"viewerPermission":"READ","defaultBranchRef":{"name":"main"}}}}`},
		"no contents": {issues, widgets + `name defaultBranchRef{name}}}`,
			`{"data":{"repository":{"name":"widgets","defaultBranchRef":null}},"errors":[{"type":"FORBIDDEN","path":["repository","defaultBranchRef"],
			"extensions":{"saml_failure":false},"locations":[{"line":1,"column":47}],"message":"Resource not accessible by integration"}]}`},
		"no pull requests": {all, widgets + `pullRequests{totalCount}}}`,
			`{"data":{"repository":null},"errors":[{"type":"FORBIDDEN","path":["repository","pullRequests"],"extensions":{"saml_failure":false},
			"locations":[{"line":1,"column":42}],"message":"Resource not accessible by integration"}]}`},
		"no issues": {narrow, widgets + `issues{totalCount}}}`,
			`{"data":{"repository":null},"errors":[{"type":"FORBIDDEN","path":["repository","issues"],"extensions":{"saml_failure":false},
			"locations":[{"line":1,"column":42}],"message":"Resource not accessible by integration"}]}`},
		"outside the scope": {narrow, `{repository(owner:"acme",name:"new"){name}}`,
			`{"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],"locations":[{"line":1,"column":2}],
			"message":"Could not resolve to a Repository with the name 'acme/new'."}]}`},
		"a former name": {all, `{a:repository(owner:"acme",name:"old"){name}}`, `{"data":{"a":{"name":"new"}}}`},
		"only the present name": {all, `{repository(owner:"acme",name:"old",followRenames:false){name}}`,
			`{"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],"locations":[{"line":1,"column":2}],
			"message":"Could not resolve to a Repository with the name 'acme/old'."}]}`},
		"of a user, without commits": {persons, `{repository(owner:"person",name:"paper"){isEmpty defaultBranchRef{name} isInOrganization owner{...on User{isViewer}}}}`,
			`{"data":{"repository":{"isEmpty":true,"defaultBranchRef":null,"isInOrganization":false,"owner":{"isViewer":false}}}}`},
		"the rate limit": {all, `{rateLimit{cost limit}}`, `{"data":{"rateLimit":{"cost":1,"limit":5000}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			resp := f.graphQL(c.token, c.query)
			require.Equal(t, 200, resp.StatusCode)
			require.JSONEq(t, c.want, string(resp.body))
			require.Equal(t, "github.v4; format=json", resp.Header.Get("X-GitHub-Media-Type"))
		})
	}
	f.SetRateLimit(-1)
	require.JSONEq(t, `{"data":{"rateLimit":null}}`, string(f.graphQL(all, `{rateLimit{cost}}`).body))
}

func TestGraphQLRefusesWhatItCannotRun(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	token, _ := f.mint("")
	dead, _ := f.mint("")
	f.RevokeToken(dead)
	for name, c := range map[string]struct {
		authorization, body string
		status              int
		message             string
	}{
		"no token":     {"", `{"query":"{viewer{login}}"}`, 401, "This endpoint requires you to be authenticated."},
		"a dead token": {"token " + dead, `{"query":"{viewer{login}}"}`, 401, "Bad credentials"},
		"no JSON":      {"token " + token, `query`, 400, "Problems parsing JSON"},
		"no query":     {"token " + token, `{"variables":{}}`, 400, "A query attribute must be specified and must be a string."},
		"a number":     {"token " + token, `{"query":3}`, 400, "A query attribute must be specified and must be a string."},
	} {
		resp := f.do("POST", "/api/graphql", c.authorization, c.body)
		require.Equal(t, c.status, resp.StatusCode, name)
		require.Equal(t, c.message, resp.message(), name)
	}
	f.Suspend(installationID, true)
	require.Equal(t, 403, f.graphQL(token, "{viewer{login}}").StatusCode)
}

func TestAReadmeComesFromTheRepository(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	token, _ := f.mint("")
	issues, _ := f.mint(`{"permissions":{"issues":"read"}}`)
	resp := f.do("GET", "/repos/acme/widgets/readme", "token "+token, "")
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "IyB3aWRnZXRzCg==\n", resp.json["content"])
	require.EqualValues(t, 10, resp.json["size"])
	require.Equal(t, "README.md", resp.json["path"])
	require.Equal(t, f.newGit("").Run(t, f.RepositoryDir("acme/widgets"), "rev-parse", "main:README.md"), resp.json["sha"])
	for path, status := range map[string]int{
		"/repos/acme/widgets/readme?ref=main": 200, "/repos/acme/widgets/readme?ref=gone": 404, "/repos/acme/widgets/readme?ref=--all": 404,
		"/repos/acme/none/readme": 404,
	} {
		require.Equal(t, status, f.do("GET", path, "token "+token, "").StatusCode, path)
	}
	require.Equal(t, 403, f.do("GET", "/repos/acme/widgets/readme", "token "+issues, "").StatusCode)
	_, err = f.AddRepository("other/things")
	require.NoError(t, err)
	require.Equal(t, 404, f.do("GET", "/repos/other/things/readme", "token "+token, "").StatusCode)
	require.NoError(t, f.RenameRepository("acme/widgets", "acme/gadgets"))
	resp = f.do("GET", "/repos/acme/widgets/readme", "token "+token, "")
	require.Equal(t, 301, resp.StatusCode)
	require.Equal(t, 200, f.do("GET", resp.Header.Get("Location")[len(f.URL):], "token "+token, "").StatusCode)
}
