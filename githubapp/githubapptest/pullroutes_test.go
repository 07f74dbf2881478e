package githubapptest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// newTopic returns a fake whose acme/widgets has a branch topic with a commit by
// alice.
func newTopic(t *testing.T) (f *fake, alice, bot string) {
	t.Helper()
	f = newPeople(t, nil)
	for _, name := range []string{"acme/widgets", "acme/gadgets"} {
		_, err := f.AddRepository(name)
		require.NoError(t, err)
	}
	alice, _ = f.signIn("alice")
	bot, _ = f.mint("")
	for _, name := range []string{"widgets", "gadgets"} {
		path := "/repos/acme/" + name
		main := f.do("GET", path+"/git/ref/heads/main", "token "+bot, "").json["object"].(map[string]any)["sha"]
		require.Equal(t, 201, f.do("POST", path+"/git/refs", "token "+bot, fmt.Sprintf(`{"ref":"refs/heads/topic","sha":"%s"}`, main)).StatusCode)
	}
	file := `{"message":"New","content":"YQpiCg==","branch":"topic"}`
	require.Equal(t, 201, f.do("PUT", "/repos/acme/widgets/contents/new", "token "+alice, file).StatusCode)
	require.Equal(t, 201, f.do("PUT", "/repos/acme/gadgets/contents/new", "token "+bot, file).StatusCode)
	return f, alice, bot
}

func author(object map[string]any) []any {
	user := object["user"].(map[string]any)
	return []any{user["login"], user["type"]}
}

const pulls = "/repos/acme/widgets/pulls"

func TestAPullRequestIsByWhoOpensIt(t *testing.T) {
	t.Parallel()
	f, alice, bot := newTopic(t)
	commit := f.do("GET", "/repos/acme/widgets/branches/topic", "token "+alice, "").json["commit"].(map[string]any)
	require.Equal(t, "alice", commit["author"].(map[string]any)["login"])

	opened := f.do("POST", pulls, "Bearer "+alice, `{"title":"New","head":"acme:topic","base":"main","body":"Why"}`)
	require.Equal(t, 201, opened.StatusCode, "%s", opened.body)
	require.Equal(t, []any{"alice", "User"}, author(opened.json))
	require.Equal(t, opened.json, f.do("GET", pulls+"/1", "token "+bot, "").json)
	require.Equal(t, []any{1., 1., 2., 0.}, []any{
		opened.json["commits"], opened.json["changed_files"], opened.json["additions"], opened.json["deletions"],
	})
	again := f.do("POST", pulls, "token "+bot, `{"title":"New","head":"topic","base":"main"}`)
	require.Equal(t, 422, again.StatusCode)
	require.Contains(t, string(again.body), "A pull request already exists for acme:topic.")

	for token, want := range map[string][]any{alice: {"alice", "User"}, bot: {"robot[bot]", "Bot"}} {
		said := f.do("POST", "/repos/acme/widgets/issues/1/comments", "token "+token, `{"body":"Well"}`)
		require.Equal(t, 201, said.StatusCode)
		require.Equal(t, want, author(said.json))
	}
	require.EqualValues(t, 2, f.do("GET", pulls+"/1", "token "+bot, "").json["comments"])

	require.Equal(t, 200, f.do("PUT", pulls+"/1/merge", "token "+alice, "").StatusCode)
	merged := f.do("GET", pulls+"/1", "token "+bot, "").json
	require.Equal(t, []any{"closed", true, "alice", 1.}, []any{
		merged["state"], merged["merged"], merged["merged_by"].(map[string]any)["login"], merged["commits"],
	})
}

func TestAnAppsPullRequestIsItsBots(t *testing.T) {
	t.Parallel()
	f, _, bot := newTopic(t)
	opened := f.do("POST", pulls, "token "+bot, `{"title":"New","head":"topic","base":"main"}`)
	require.Equal(t, []any{"robot[bot]", "Bot"}, author(opened.json))
}

func TestWhoMayReadProposesAndSaysButMovesNoBranch(t *testing.T) {
	t.Parallel()
	f, alice, _ := newTopic(t)
	const gadgets = "/repos/acme/gadgets"
	require.Equal(t, 201, f.do("POST", gadgets+"/pulls", "token "+alice, `{"title":"New","head":"topic","base":"main"}`).StatusCode)
	require.Equal(t, 201, f.do("POST", gadgets+"/issues/1/comments", "token "+alice, `{"body":"Well"}`).StatusCode)
	for path, method := range map[string]string{"/pulls/1/merge": "PUT", "/pulls/1/update-branch": "PUT", "/git/refs/heads/topic": "DELETE"} {
		require.Equal(t, 403, f.do(method, gadgets+path, "token "+alice, "").StatusCode, path)
	}
	merge := f.do("POST", "/graphql", "bearer "+alice, fmt.Sprintf(
		`{"query":"mutation{enablePullRequestAutoMerge(input:{pullRequestId:\"%s\"}){pullRequest{state}}}"}`,
		f.do("GET", gadgets+"/pulls/1", "token "+alice, "").json["node_id"]))
	require.Contains(t, string(merge.body), "FORBIDDEN")
}

func TestPullRequestsAreListedByStateAndBranch(t *testing.T) {
	t.Parallel()
	f, alice, _ := newTopic(t)
	list := func(query string) int {
		resp := f.do("GET", pulls+query, "token "+alice, "")
		require.Equal(t, 200, resp.StatusCode)
		return len(numbersOf(t, resp.body))
	}
	for body, want := range map[string]string{
		`{"title":"New","head":"none","base":"main"}`:  `"field":"head"`,
		`{"title":"New","head":"topic","base":"none"}`: `"field":"base"`,
		`{"title":"New","head":"main","base":"topic"}`: "No commits between topic and main",
		`{"title":"New","head":"topic"}`:               "base",
	} {
		refused := f.do("POST", pulls, "token "+alice, body)
		require.Equal(t, 422, refused.StatusCode)
		require.Contains(t, string(refused.body), want)
	}
	require.Zero(t, list(""))
	require.Equal(t, 201, f.do("POST", pulls, "token "+alice, `{"title":"New","head":"topic","base":"main"}`).StatusCode)
	require.Equal(t, []int{1, 1, 0, 0, 0}, []int{
		list("?head=acme:topic&base=main"), list("?state=all"), list("?state=closed"), list("?head=acme:other"), list("?base=topic"),
	})
	require.Equal(t, 404, f.do("GET", pulls+"/2", "token "+alice, "").StatusCode)
	require.Equal(t, 404, f.do("GET", "/repos/acme/widgets/issues/2/comments", "token "+alice, "").StatusCode)
	require.Equal(t, 404, f.do("POST", "/repos/acme/widgets/issues/2/comments", "token "+alice, `{"body":"x"}`).StatusCode)
}

func numbersOf(t *testing.T, body []byte) (all []struct{ Number int }) {
	t.Helper()
	require.NoError(t, json.Unmarshal(body, &all))
	return all
}
