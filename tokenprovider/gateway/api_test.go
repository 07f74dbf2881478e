package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// message returns what GitHub's clients show of a refusal.
func (a answer) message(t *testing.T) string {
	t.Helper()
	var refused struct{ Message, Status string }
	require.NoError(t, json.Unmarshal([]byte(a.body), &refused), a.body)
	return refused.Message
}

// ask sends one request as workspace id and returns the answer. Headers are
// pairs of names and values.
func (p *platform) ask(t *testing.T, id, method, path, body string, headers ...string) answer {
	t.Helper()
	bearer, err := p.key.Issue(id, 0)
	require.NoError(t, err)
	return p.send(t, method, path, body, append([]string{"Authorization", "Bearer " + bearer}, headers...)...)
}

func (p *platform) send(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	require.NoError(t, err)
	for n := 0; n < len(headers); n += 2 {
		if headers[n] == "Host" {
			r.Host = headers[n+1]
		} else {
			r.Header.Add(headers[n], headers[n+1])
		}
	}
	resp, err := p.client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(content)}
}

func TestTheAPIIsReachedInEachFormOfTheBearer(t *testing.T) {
	p := newPlatform(t, nil)
	bearer, err := p.key.Issue("ws-1", 0)
	require.NoError(t, err)
	for _, authorization := range []string{"Bearer " + bearer, "token " + bearer, "bearer " + bearer} {
		got := p.send(t, "GET", "/api/v3/repos/acme/widgets", "", "Authorization", authorization)
		require.Equal(t, 200, got.status, got.body)
		require.Contains(t, got.body, `"full_name":"acme/widgets"`)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/api/v3/repos/acme/widgets", http.NoBody)
	require.NoError(t, err)
	r.SetBasicAuth("anyone", bearer)
	resp, err := p.client.Do(r)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 200, resp.StatusCode)
}

func TestWhoIsNotAWorkspaceIsRefused(t *testing.T) {
	p := newPlatform(t, nil)
	bearer, err := p.key.Issue("ws-1", 0)
	require.NoError(t, err)
	for name, headers := range map[string][]string{
		"nobody":               {},
		"a forge's token":      {"Authorization", "token ghp_0123456789012345678901234567890123456789"},
		"two":                  {"Authorization", "Bearer " + bearer, "Authorization", "Bearer " + bearer},
		"another scheme":       {"Authorization", "Digest " + bearer},
		"an empty bearer":      {"Authorization", "Bearer "},
		"a cookie":             {"Cookie", "bearer=" + bearer},
		"an origin of our own": {"Origin", p.url},
	} {
		for _, path := range []string{"/api/v3/repos/acme/widgets", "/acme/widgets.git/info/refs?service=git-upload-pack"} {
			got := p.send(t, "GET", path, "", headers...)
			require.Equal(t, 401, got.status, name)
			require.Contains(t, got.header.Get("WWW-Authenticate"), "Basic ", name)
			require.Contains(t, got.body, "a token of the forge's own isn't taken here", name)
		}
	}
	require.Empty(t, p.github.Requests())
}

func TestWhatReachesAroundThePlatformIsRefused(t *testing.T) {
	p := newPlatform(t, nil)
	for _, c := range []struct{ method, path string }{
		{"DELETE", "/api/v3/installation/token"},
		{"DELETE", "/api/v3/Installation/token"},
		{"DELETE", "/api/v3/installation%2Ftoken"},
		{"DELETE", "/api/v3/installation/token;x"},
		{"DELETE", "/api/v3/installation;x=y/token"},
		{"DELETE", "/api/v3/installation/token.json"},
		{"DELETE", "/api/v3/installation/token/"},
		{"GET", "/api/v3/app.json"},
		{"GET", "/api/v3/app"},
		{"POST", "/api/v3/app/installations/1/access_tokens"},
		{"GET", "/api/v3/apps/robot/installations"},
		{"POST", "/login/oauth/access_token"},
		{"POST", "/api/v3/applications/1/token"},
		{"GET", "/api/v3/repositories/1"},
		{"GET", "/api/v3/unheard-of"},
		{"GET", "/api/v4/repos/acme/widgets"},
		{"GET", "/api/v3/repos/acme"},
		{"GET", "/acme/widgets"},
		{"GET", "/acme/widgets.git/info/refs"},
		{"GET", "/acme/widgets.git/info/refs?service=git-upload-pack&service=git-receive-pack"},
		{"GET", "/acme/widgets.git/info/refs?service=git-upload-pack&x=1"},
		{"POST", "/acme/widgets.git/info/refs?service=git-upload-pack"},
		{"GET", "/acme/widgets.git/HEAD"},
		{"GET", "/acme/widgets/x.git/info/refs?service=git-upload-pack"},
		{"POST", "/acme/widgets.git/git-upload-pack"},
	} {
		got := p.ask(t, "ws-1", c.method, c.path, "")
		require.Equal(t, 403, got.status, "%s %s: %s", c.method, c.path, got.body)
	}
	require.Empty(t, p.github.Requests())
}

func TestAPathWithTwoReadingsIsRefused(t *testing.T) {
	p := newPlatform(t, nil)
	for _, path := range []string{
		"/api/v3/repos/acme/../evil/x",
		"/api/v3/repos/acme/%2e%2e/evil/x",
		"/api/v3/repos/acme/widgets/contents/..%2f..%2fx",
		"/api/v3/repos/acme/widgets/contents/%252e%252e/x",
		"/api/v3/repos/acme/widgets/contents/%252E%252E/x",
		"/api/v3/repos/acme/widgets/contents/a%252fb",
		"/api/v3/repos/acme/widgets/contents/a%255cb",
		"/api/v3/repos/acme/widgets/contents/a%2525b",
		"/api/v3/repos/acme/widgets/contents/./x",
		"/api/v3/repos/acme/widgets/contents/a%ffb",
		"/api/v3/repos/acme/widgets/contents/a%7fb",
		"/api/v3/repos/acme/widgets/contents/a%5cb",
		"/api/v3//repos/acme/widgets",
		"/api/v3/repos/acme/widgets/contents/a%00b",
		"/api/v3/repos/acme/widgets/contents/a%0ab",
		"/api/v3/repos/acme/widgets/contents/..;x/y",
		"/acme/widgets.git/../../evil/x.git/info/refs?service=git-upload-pack",
		"//acme/widgets.git/info/refs?service=git-upload-pack",
	} {
		require.Equal(t, 400, p.ask(t, "ws-1", "GET", path, "").status, path)
	}
	for _, path := range []string{
		"/api/v3/repos/acme%2fwidgets/x", "/api/v3/repos/ac%6de/widgets", "/api%2fv3/repos/acme/widgets",
		"/acme%2fwidgets.git.git/info/refs?service=git-upload-pack",
	} {
		require.Equal(t, 403, p.ask(t, "ws-1", "GET", path, "").status, path)
	}
	g, bearer, _ := newGateway(t, "", nil)
	stripped := newRequest(t, "GET", "/api/v3/", bearer, nil)
	stripped.URL.Path = "api/v3/" // as a router before the gateway may leave it
	w := httptest.NewRecorder()
	g.ServeHTTP(w, stripped)
	require.Equal(t, 400, w.Code)
	require.Equal(t, 421, p.ask(t, "ws-1", "GET", "/api/v3/", "", "Host", "github.com").status)
	require.Equal(t, 400, p.ask(t, "ws-1", "GET", "/api/v3/", "", "Connection", "upgrade", "Upgrade", "h2c").status)
	require.Empty(t, p.github.Requests())
}

func TestACallOfTheAPIThatMovesARefIsRefusedUnderARule(t *testing.T) {
	p := newPlatform(t, nil)
	const repo = "/api/v3/repos/acme/widgets/"
	for _, c := range []struct{ method, path, body string }{
		{"PUT", repo + "contents/a.txt", "{}"},
		{"PUT", repo + "contents/a%2Fb.txt", "{}"},
		{"DELETE", repo + "contents/a.txt", "{}"},
		{"POST", repo + "git/refs", "{}"},
		{"POST", repo + "git%2Frefs", "{}"},
		{"PATCH", repo + "git/refs/heads/main", "{}"},
		{"DELETE", repo + "git/refs/heads/main", ""},
		{"POST", repo + "merges", "{}"},
		{"POST", repo + "MERGES", "{}"},
		{"POST", repo + "merges;a=b", "{}"},
		{"POST", repo + "git;x/refs;y", "{}"},
		{"POST", repo + "git/refs.json", "{}"},
		{"PUT", repo + "pulls/1/update-branch.json", "{}"},
		{"POST", repo + "merge-upstream", "{}"},
		{"PUT", repo + "pulls/1/merge", "{}"},
		{"PUT", repo + "pulls/1/update-branch", "{}"},
		{"POST", repo + "branches/main/rename", "{}"},
		{"POST", repo + "releases", "{}"},
		{"POST", "/api/graphql", `{"query":"mutation { createCommitOnBranch(input: {}) { commit { oid } } }"}`},
		{"POST", "/api/graphql", `{"query":"mutation A { a: updateRefs(input: {}) { clientMutationId } }"}`},
		{"POST", "/api/graphql", `{"query":"mutation { ...F } fragment F on Mutation { mergePullRequest(input: {}) { clientMutationId } }"}`},
		{"POST", "/api/graphql", `{"query":"query Q { viewer { login } } mutation M { updatePullRequestBranch(input: {}) { clientMutationId } }","operationName":"M"}`},
		{"POST", "/api/graphql", `{"query":"mutation { enablePullRequestAutoMerge(input: {}) { clientMutationId } }"}`},
	} {
		got := p.ask(t, "ws-1", c.method, c.path, c.body)
		require.Equal(t, 403, got.status, "%s %s %s", c.method, c.path, c.body)
		require.Contains(t, got.message(t), "doesn't allow a call of the API to move a branch or tag", c.path)
	}
	require.Empty(t, p.github.Requests())
}

func TestAGraphQLBodyWithTwoReadingsIsRefused(t *testing.T) {
	p := newPlatform(t, nil)
	const good = `{"query":"{ viewer { login } }"}`
	for name, body := range map[string]string{
		"no JSON":             `{`,
		"a list":              `[` + good + `]`,
		"two":                 good + good,
		"a name twice":        `{"query":"{ viewer { login } }","query":"mutation { x }"}`,
		"twice by case":       `{"query":"{ viewer { login } }","Query":"mutation { x }"}`,
		"no query":            `{}`,
		"a variable twice":    `{"query":"{ viewer { login } }","variables":{"owner":"a","OWNER":"b"}}`,
		"no operation":        `{"query":"query A { viewer { login } } query B { viewer { login } }"}`,
		"a fragment away":     `{"query":"{ ...F }"}`,
		"a syntax of its own": `{"query":"} viewer"}`,
		"two fragments":       `{"query":"mutation { ...F } fragment F on Mutation { addStar { id } } fragment F on Mutation { deleteRef { id } }"}`,
		"two operations":      `{"query":"query Q { viewer { login } } mutation Q { deleteRef { id } }","operationName":"Q"}`,
		"an argument twice":   `{"query":"{ repository(owner: \"acme\", owner: \"evil\", name: \"x\") { id } }"}`,
	} {
		require.Equal(t, 403, p.ask(t, "ws-1", "POST", "/api/graphql", body).status, name)
	}
	require.Equal(t, 403, p.ask(t, "ws-1", "POST", "/api/graphql", good, "Content-Encoding", "gzip").status)
	for _, contentType := range []string{
		"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain",
		"application/json; charset=utf-7", "application/json, text/plain", "application/json; charset=", "json",
	} {
		got := p.ask(t, "ws-1", "POST", "/api/graphql", good, "Content-Type", contentType)
		require.Equal(t, 403, got.status, contentType)
		require.Contains(t, got.message(t), "send it with Content-Type: application/json")
	}
	require.Equal(t, 403, p.ask(t, "ws-1", "POST", "/api/graphql", good,
		"Content-Type", "application/json", "Content-Type", "text/plain").status)
	require.Equal(t, 403, p.ask(t, "ws-1", "POST", "/api/graphql?query=x", good).status)
	require.Equal(t, 403, p.ask(t, "ws-1", "GET", "/api/graphql", "").status)
	require.Equal(t, 403, p.ask(t, "ws-1", "POST", "/api/graphql", good+strings.Repeat(" ", 1<<20)).status)
	require.Empty(t, p.github.Requests())
	for _, contentType := range []string{"application/json; charset=UTF-8", "application/vnd.github+json"} {
		require.Equal(t, 200, p.ask(t, "ws-1", "POST", "/api/graphql", good, "Content-Type", contentType).status)
	}
	require.Equal(t, 200, p.ask(t, "ws-1", "POST", "/api/graphql", good).status)
}

func TestAPolicyLearnsWhichRepositoryIsMeant(t *testing.T) {
	var asked gateway.Operation
	p := newPlatform(t, func(_ *platform, o *gateway.Options) {
		o.Policy = func(_ context.Context, _ tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			asked = op
			return gateway.Grant{}, &gateway.Refusal{Message: "no"}
		}
	})
	for _, c := range []struct{ method, path, body, repository string }{
		{"GET", "/api/v3/repos/Acme/Widgets.git/pulls", "", "acme/widgets"},
		{"GET", "/Acme/Widgets.git/info/refs?service=git-upload-pack", "", "acme/widgets"},
		{"GET", "/Acme/Widgets/info/refs?service=git-receive-pack", "", "acme/widgets"},
		{"GET", "/Acme/Widgets.git/info/lfs/locks", "", "acme/widgets"},
		{"POST", "/api/graphql", `{"query":"query($owner:String!,$name:String!){repository(owner:$owner,name:$name){id}}","variables":{"owner":"Acme","name":"widgets"}}`, "acme/widgets"},
		{"POST", "/api/graphql", `{"query":"query($owner:String!,$repo:String!){repository(owner:$owner,name:$repo){id}}","variables":{"owner":"acme","repo":"widgets"}}`, "acme/widgets"},
		{"POST", "/api/graphql", `{"query":"{repository(owner:\"evil\",name:\"x\"){id}}","variables":{"owner":"acme","name":"widgets"}}`, "evil/x"},
		{"POST", "/api/graphql", `{"query":"{node(id:\"X\"){id}}","variables":{"owner":"acme","name":"widgets"}}`, ""},
		{"POST", "/api/graphql", `{"query":"mutation{repository(owner:\"acme\",name:\"widgets\"){id}}"}`, ""},
		{"POST", "/api/graphql", `{"query":"{repository(owner:\"acme\",name:\"widgets\"){id} organization(login:\"acme\"){id}}"}`, ""},
		{"POST", "/api/graphql", `{"query":"{repository(owner:\"acme\",name:\"widgets\"){id} rateLimit{used} __typename}"}`, "acme/widgets"},
		{"POST", "/api/graphql", `{"query":"{a:repository(owner:\"evil\",name:\"x\"){id} b:repository(owner:\"acme\",name:\"widgets\"){id}}"}`, ""},
		{"GET", "/api/v3/user", "", ""},
	} {
		asked = gateway.Operation{Repository: "unasked"}
		p.ask(t, "ws-1", c.method, c.path, c.body)
		require.Equal(t, c.repository, asked.Repository, "%s %s", c.path, c.body)
	}
}

func TestWhereGitHubLeadsOnTheGatewayIsNamed(t *testing.T) {
	p := newPlatform(t, nil)
	got := p.ask(t, "ws-1", "GET", "/api/v3/installation/repositories?per_page=1", "")
	require.Equal(t, 200, got.status)
	require.Contains(t, got.header.Get("Link"), "<"+p.url+"/api/v3/installation/repositories?")
	require.NotContains(t, got.header.Get("Link"), p.github.URL)
	require.NotEmpty(t, got.header.Get("X-RateLimit-Remaining"))

	p.github.Fail(githubapptest.Rule{Path: "/repos/acme/widgets", Fault: githubapptest.Redirect(301, p.github.URL+"/api/v3/repos/acme/gadgets")})
	require.Equal(t, p.url+"/api/v3/repos/acme/gadgets", p.ask(t, "ws-1", "GET", "/api/v3/repos/acme/widgets", "").header.Get("Location"))
}

func TestATokenThatGitHubRefusesIsReplacedOnce(t *testing.T) {
	p := newPlatform(t, nil)
	require.Equal(t, 200, p.ask(t, "ws-1", "GET", "/api/v3/repos/acme/widgets", "").status)
	p.github.Fail(githubapptest.Rule{Path: "/repos/**", Fault: githubapptest.Refusal(401, "Bad credentials")})
	got := p.ask(t, "ws-1", "GET", "/api/v3/repos/acme/widgets", "")
	require.Equal(t, 502, got.status)
	require.Empty(t, got.header.Get("WWW-Authenticate"))
	require.Contains(t, got.message(t), "refuses the platform's token (401)")
}
