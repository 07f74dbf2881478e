package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// way is a call of the API that moves a ref past the rules for pushes.
type way struct {
	name, method, path, body string
	laxer                    bool // pull_requests: write is enough for the forge
	unknown                  bool // the gateway knows of no repository, and refuses it whatever the rules are
}

const repo = "/api/v3/repos/acme/widgets/"

// ways name what around has, and PULL, the number or node id of a new pull
// request that wants topic in main.
var ways = []way{
	{name: "a file made", method: "PUT", path: repo + "contents/evil.txt", body: `{"message":"x","content":"eA=="}`},
	{name: "a file made below", method: "PUT", path: repo + "contents/a%2Fb", body: `{"message":"x","content":"eA==","branch":"main"}`},
	{name: "a file changed", method: "PUT", path: repo + "contents/README.md", body: `{"message":"x","content":"eA==","sha":"README"}`},
	{name: "a file removed", method: "DELETE", path: repo + "contents/README.md", body: `{"message":"x","sha":"README","branch":"other"}`},
	{name: "a branch made", method: "POST", path: repo + "git/refs", body: `{"ref":"refs/heads/evil","sha":"MAIN"}`},
	{name: "a branch that git might make", method: "POST", path: repo + "git/refs", body: `{"ref":"refs/heads/agent/x","sha":"MAIN"}`},
	{name: "a tag made", method: "POST", path: repo + "git/refs", body: `{"ref":"refs/tags/v1","sha":"MAIN"}`},
	{name: "a ref by an escaped path", method: "POST", path: repo + "git%2Frefs", body: `{"ref":"refs/heads/evil","sha":"MAIN"}`},
	{name: "a branch forced", method: "PATCH", path: repo + "git/refs/heads/main", body: `{"sha":"TOPIC","force":true}`},
	{name: "a branch removed", method: "DELETE", path: repo + "git/refs/heads/other"},
	{name: "a merge", method: "POST", path: repo + "merges", body: `{"base":"main","head":"topic"}`},
	{name: "a commit merged", method: "POST", path: repo + "merges", body: `{"base":"other","head":"TOPIC"}`},
	{name: "a release", method: "POST", path: repo + "releases", body: `{"tag_name":"v1","target_commitish":"topic"}`},
	{name: "a pull request merged", method: "PUT", path: repo + "pulls/PULL/merge"},
	{name: "a pull request's branch", method: "PUT", path: repo + "pulls/PULL/update-branch", laxer: true},
	{name: "the repository by its number", method: "POST", path: "/api/v3/repositories/NUMBER/git/refs", body: `{"ref":"refs/heads/evil","sha":"MAIN"}`, unknown: true},

	mutates("createCommitOnBranch", `branch:{repositoryNameWithOwner:"acme/widgets",branchName:"main"},expectedHeadOid:"MAIN",message:{headline:"x"},fileChanges:{additions:[{path:"evil",contents:"eA=="}]}`, false),
	mutates("createRef", `repositoryId:"REPOSITORY",name:"refs/heads/evil",oid:"MAIN"`, false),
	mutates("updateRef", `refId:"REFERENCE",oid:"TOPIC",force:true`, false),
	mutates("deleteRef", `refId:"OTHER"`, false),
	mutates("mergeBranch", `repositoryId:"REPOSITORY",base:"main",head:"topic"`, false),
	mutates("mergePullRequest", `pullRequestId:"PULL"`, false),
	mutates("updatePullRequestBranch", `pullRequestId:"PULL"`, true),
	mutates("enablePullRequestAutoMerge", `pullRequestId:"PULL"`, true),
	{name: "a mutation in a fragment", method: "POST", path: "/api/graphql", body: `{"operationName":"M","variables":{"i":{"refId":"OTHER"}},
		"query":"query Q{viewer{login}} mutation M($i:DeleteRefInput!){...on Mutation{...F}} fragment F on Mutation{ok:deleteRef(input:$i){clientMutationId}}"}`},
}

func mutates(name, input string, laxer bool) way {
	body := graphQL(fmt.Sprintf("mutation{%s(input:{%s}){clientMutationId}}", name, input))
	return way{name: name, method: "POST", path: "/api/graphql", body: body, laxer: laxer}
}

// prepared returns w with what its names stand for.
func (a *around) prepared(w way) way {
	a.t.Helper()
	fill := strings.NewReplacer("README\"", a.readme+"\"", "MAIN", a.main, "TOPIC", a.topic, "REPOSITORY", a.repository, "REFERENCE", a.ref,
		"OTHER", a.other, "NUMBER", fmt.Sprint(a.id))
	w.path, w.body = fill.Replace(w.path), fill.Replace(w.body)
	if !strings.Contains(w.path+w.body, "PULL") {
		return w
	}
	number, err := a.github.AddPullRequest("acme/widgets", "topic", "main")
	require.NoError(a.t, err)
	got := a.directly("POST", "/api/graphql", graphQL(fmt.Sprintf(`{repository(owner:"acme",name:"widgets"){pullRequest(number:%d){id}}}`, number)))
	_, node, _ := strings.Cut(got.body, `"id":"`)
	node, _, _ = strings.Cut(node, `"`)
	w.path, w.body = strings.ReplaceAll(w.path, "PULL", fmt.Sprint(number)), strings.ReplaceAll(w.body, "PULL", node)
	return w
}

func TestNoWayOfTheAPILeadsAroundTheRulesForRefs(t *testing.T) {
	const theForge, theGateway = "Resource not accessible by integration", "doesn't allow a call of the API to move a branch or tag"
	a := newAround(t)
	before := a.state()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			a.t = t
			w := a.prepared(way)

			a.rules.Store(true)
			got := a.ask(t, "ws-1", w.method, w.path, w.body)
			require.Equal(t, 403, got.status, got.body)
			if w.unknown {
				require.Contains(t, got.message(t), "whatever a policy says")
			} else {
				require.Contains(t, got.message(t), theGateway)
			}
			require.Equal(t, before, a.state(), "the gateway closes it")

			// Where the rules aren't asked, the scopes of GitAndAPI close what
			// takes contents: write.
			a.rules.Store(false)
			got = a.ask(t, "ws-1", w.method, w.path, w.body)
			switch {
			case w.laxer:
				require.NotContains(t, got.body, theForge)
				require.NotEqual(t, before, a.state(), "the rules alone close it")
				a.restore()
				w = a.prepared(way)
			case w.unknown:
				require.Equal(t, 403, got.status)
			default:
				require.Contains(t, got.body, theForge)
				require.Contains(t, []int{200, 403}, got.status, "GraphQL says it in a 200")
			}
			require.Equal(t, before, a.state(), "the forge closes it")

			// And with contents: write it is a way.
			got = a.directly(w.method, w.path, w.body)
			require.Less(t, got.status, 300, got.body)
			require.NotContains(t, got.body, `"errors"`)
			require.NotEqual(t, before, a.state(), "the forge has such a call")
			a.restore()
		})
	}
	require.GreaterOrEqual(t, len(ways), 12)
	for _, r := range a.github.Requests() {
		require.Empty(t, r.Breach, "%s %s", r.Method, r.Path)
	}
	a.requireClean(t)
}
