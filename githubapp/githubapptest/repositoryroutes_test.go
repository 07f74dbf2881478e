package githubapptest_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheAPIMovesRefsForWhoMayWrite(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	before := w.state()
	for name, c := range map[string]struct {
		method, path, body string // see fill
		status             int
		moved              []string // what isn't where it was
	}{
		"a new file":        {"PUT", "/contents/a/b%20%22c", `{"message":"New","content":"YQ=="}`, 201, []string{"heads/main"}},
		"a file changed":    {"PUT", "/contents/README.md", `{"message":"New","content":"YQ==","sha":"README_SHA","branch":"old"}`, 200, []string{"heads/old"}},
		"a file removed":    {"DELETE", "/contents/README.md", `{"message":"Gone","sha":"README_SHA"}`, 200, []string{"heads/main"}},
		"a new branch":      {"POST", "/git/refs", `{"ref":"refs/heads/new","sha":"MAIN"}`, 201, []string{"heads/new"}},
		"a new tag":         {"POST", "/git/refs", `{"ref":"refs/tags/v1","sha":"MAIN"}`, 201, []string{"tags/v1"}},
		"a branch forward":  {"PATCH", "/git/refs/heads/old", `{"sha":"MAIN"}`, 200, []string{"heads/old"}},
		"a branch by force": {"PATCH", "/git/refs/heads/main", `{"sha":"TOPIC","force":true}`, 200, []string{"heads/main"}},
		"a branch removed":  {"DELETE", "/git/refs/heads/old", "", 204, []string{"heads/old"}},
		"a merge":           {"POST", "/merges", `{"base":"main","head":"topic"}`, 201, []string{"heads/main"}},
		"a commit merged":   {"POST", "/merges", `{"base":"old","head":"MAIN","commit_message":"Catch up"}`, 201, []string{"heads/old"}},
		"a merge of naught": {"POST", "/merges", `{"base":"main","head":"old"}`, 204, nil},
		"a release":         {"POST", "/releases", `{"tag_name":"v1","target_commitish":"topic"}`, 201, []string{"tags/v1"}},
		"a draft":           {"POST", "/releases", `{"tag_name":"v1","draft":true}`, 201, nil},
		"a pull request":    {"PUT", "/pulls/PULL/merge", `{"sha":"TOPIC"}`, 200, []string{"heads/main"}},
	} {
		t.Run(name, func(t *testing.T) {
			defer w.restore()
			path, body := w.fill(c.path), w.fill(c.body)
			refused := w.do(c.method, "/repos/acme/widgets"+path, "token "+w.onlyPulls, body)
			require.Equal(t, 403, refused.StatusCode)
			require.Equal(t, "Resource not accessible by integration", refused.message())
			require.Equal(t, before, w.state())
			w.expect(c.status, c.method, path, body)
			require.Equal(t, c.moved, moved(before, w.state()))
		})
	}
	w.git.Run(t, w.RepositoryDir("acme/widgets"), "fsck", "--strict")
}

func TestAPullRequestsBranchIsUpdatedWithoutContentsWrite(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	before := w.state()
	none, _ := w.mint(`{"permissions":{"contents":"write"}}`)
	const path = "/repos/acme/widgets/pulls/1/update-branch"
	require.Equal(t, 403, w.do("PUT", path, "token "+none, "").StatusCode)
	require.Equal(t, 422, w.do("PUT", path, "token "+w.onlyPulls, `{"expected_head_sha":"`+w.main+`"}`).StatusCode)
	require.Equal(t, 404, w.do("PUT", "/repos/acme/widgets/pulls/2/update-branch", "token "+w.onlyPulls, "").StatusCode)
	require.Equal(t, before, w.state())
	require.Equal(t, 202, w.do("PUT", path, "token "+w.onlyPulls, "").StatusCode)
	require.Equal(t, []string{"heads/topic"}, moved(before, w.state()))
	require.Equal(t, w.main, w.rev("topic^2"))
	require.Equal(t, 422, w.do("PUT", path, "token "+w.onlyPulls, "").StatusCode, "there is nothing new")
}

func TestARequestThatMakesNoSenseMovesNothing(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	w.expect(201, "PUT", "/contents/one", `{"message":"Another","content":"Mw=="}`) // of which topic has another
	w.main = w.rev("main")
	before := w.state()
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"PUT", "/contents/a", `{"message":"x","content":"*"}`, 422, "Base64"},
		{"PUT", "/contents/a", `{"content":"YQ=="}`, 422, `"message" wasn't supplied`},
		{"PUT", "/contents/a", `{"message":1,"content":"YQ=="}`, 422, "Invalid request"},
		{"PUT", "/contents/a", `[]`, 400, "JSON object"},
		{"PUT", "/contents/a", `{"message":"x","content":"YQ==","branch":"none"}`, 404, "Branch none not found"},
		{"PUT", "/contents/README.md", `{"message":"x","content":"YQ=="}`, 422, `"sha" wasn't supplied`},
		{"PUT", "/contents/README.md", `{"message":"x","content":"YQ==","sha":"` + w.main + `"}`, 409, "does not match"},
		{"PUT", "/contents/.git/hooks/x", `{"message":"x","content":"YQ=="}`, 422, "malformed path"},
		{"PUT", "/contents/.github/workflows/x.yml", `{"message":"x","content":"YQ=="}`, 403, "not accessible"},
		{"DELETE", "/contents/none", `{"message":"x","sha":"` + w.main + `"}`, 404, "Not Found"},
		{"POST", "/git/refs", `{"ref":"refs/heads/old","sha":"` + w.main + `"}`, 422, "Reference already exists"},
		{"POST", "/git/refs", `{"ref":"heads/new","sha":"` + w.main + `"}`, 422, "Reference name"},
		{"POST", "/git/refs", `{"ref":"refs/heads/a..b","sha":"` + w.main + `"}`, 422, "Reference name"},
		{"POST", "/git/refs", `{"ref":"refs/heads/new","sha":"--all"}`, 422, "Object does not exist"},
		{"POST", "/git/refs", `{"ref":"refs/heads/new","sha":"` + strings.Repeat("a", 40) + `"}`, 422, "Object does not exist"},
		{"PATCH", "/git/refs/heads/main", `{"sha":"` + w.topic + `"}`, 422, "not a fast forward"},
		{"PATCH", "/git/refs/heads/none", `{"sha":"` + w.main + `"}`, 422, "does not exist"},
		{"DELETE", "/git/refs/heads/none", ``, 422, "does not exist"},
		{"DELETE", "/git/refs/heads/main", ``, 422, "default branch"},
		{"POST", "/merges", `{"base":"none","head":"main"}`, 404, "Base does not exist"},
		{"POST", "/merges", `{"base":"main","head":"main^"}`, 404, "Head does not exist"},
		{"POST", "/merges", `{"base":"main","head":"topic"}`, 409, "Merge conflict"},
		{"PUT", "/pulls/1/merge", `{}`, 405, "not mergeable"},
		{"PUT", "/pulls/1/merge", `{"sha":"` + w.main + `"}`, 409, "Head branch was modified"},
		{"PUT", "/pulls/1/update-branch", ``, 422, "merge conflict"},
		{"PUT", "/pulls/0/merge", ``, 404, "Not Found"},
		{"POST", "/releases", `{"tag_name":"v1","target_commitish":"none"}`, 422, "Validation Failed"},
		{"GET", "/contents/none", ``, 404, "Not Found"},
		{"GET", "/contents/README.md?ref=none", ``, 404, "No commit found"},
		{"GET", "/branches/none", ``, 404, "Branch not found"},
		{"GET", "/git/ref/heads/mai", ``, 404, "Not Found"},
	} {
		require.Contains(t, w.expect(c.status, c.method, c.path, c.body).message(), c.says, "%s %s %s", c.method, c.path, c.body)
	}
	for _, c := range []struct{ mutation, input, says string }{
		{"createRef", `repositoryId:"R_x",name:"refs/heads/new",oid:"` + w.main + `"`, "Could not resolve to a node"},
		{"createRef", `repositoryId:"` + w.repository + `",name:"new",oid:"` + w.main + `"`, "Reference name"},
		{"updateRef", `refId:"` + w.node(`ref(qualifiedName:"heads/old")`) + `",oid:"none"`, "Object does not exist"},
		{"createCommitOnBranch", `branch:{repositoryNameWithOwner:"acme/widgets",branchName:"main"},expectedHeadOid:"` + w.topic + `",message:{headline:"x"}`, "Expected branch to point to"},
		{"mergeBranch", `repositoryId:"` + w.repository + `",base:"main",head:"topic"`, "Merge conflict"},
		{"mergePullRequest", `pullRequestId:"` + w.node("pullRequest(number:1)") + `",expectedHeadOid:"` + w.main + `"`, "Head branch was modified"},
	} {
		require.Contains(t, string(w.mutate(w.token, c.mutation, c.input, "clientMutationId").body), c.says, c.mutation)
	}
	require.Equal(t, before, w.state())
	_, err := w.AddPullRequest("acme/widgets", "none", "main")
	require.ErrorContains(t, err, `no branch "none"`)
	_, err = w.AddPullRequest("acme/none", "topic", "main")
	require.ErrorContains(t, err, "no repository")
}

func TestTheAPIReadsWhatGitHas(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	file := w.expect(200, "GET", "/contents/one?ref=topic", "")
	require.Equal(t, "MQ==\n", file.json["content"])
	require.Equal(t, w.rev("topic:one"), file.json["sha"])
	w.expect(201, "PUT", "/contents/a/b.txt", `{"message":"Deep","content":"`+base64.StdEncoding.EncodeToString([]byte("deep"))+`"}`)
	require.Contains(t, string(w.expect(200, "GET", "/contents", "").body), `"type":"dir"`)
	require.Contains(t, string(w.expect(200, "GET", "/contents/a", "").body), `"path":"a/b.txt"`)

	branch := w.expect(200, "GET", "/branches/main", "")
	require.Equal(t, w.rev("main"), branch.json["commit"].(map[string]any)["sha"])
	require.Equal(t, "Deep", branch.json["commit"].(map[string]any)["commit"].(map[string]any)["message"])
	require.Equal(t, "robot[bot]", branch.json["commit"].(map[string]any)["author"].(map[string]any)["login"])
	require.Contains(t, string(w.expect(200, "GET", "/branches?per_page=2", "").body), `"name":"old"`)
	require.Equal(t, w.topic, w.expect(200, "GET", "/git/ref/heads/topic", "").json["object"].(map[string]any)["sha"])
	require.Contains(t, string(w.expect(200, "GET", "/git/matching-refs/heads/to", "").body), "refs/heads/topic")
	require.Equal(t, "[]", string(w.expect(200, "GET", "/git/matching-refs/tags", "").body))
	byID := w.do("GET", fmt.Sprintf("/repositories/%.0f/git/ref/heads/main", w.repositoryID), "token "+w.token, "")
	require.Equal(t, 200, byID.StatusCode)
	require.NoError(t, w.RenameRepository("acme/widgets", "acme/gadgets"))
	moved := w.do("GET", "/repos/acme/widgets/git/ref/heads/main", "token "+w.token, "")
	require.Equal(t, 301, moved.StatusCode)
	require.Equal(t, 200, w.do("GET", moved.Header.Get("Location")[len(w.URL):], "token "+w.token, "").StatusCode)
}
