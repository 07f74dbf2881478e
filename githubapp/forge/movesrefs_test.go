package forge_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/stretchr/testify/require"
)

// operation returns what github.com's forge takes a request for.
func operation(t *testing.T, method, path, body string) gateway.Operation {
	t.Helper()
	github, err := forge.GitHub("")
	require.NoError(t, err)
	op, err := github.Operation(httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	require.NoError(t, err, "%s %s", method, path)
	return op
}

func TestACallThatMovesARefIsKnown(t *testing.T) {
	for _, call := range []string{
		"PUT contents/a/b", "DELETE contents/a", "PUT Contents/a", "POST contents/a",
		"POST git/refs", "PATCH git/refs/heads/main", "POST git/refs/heads/main", "DELETE git/refs/tags/v1", "DELETE git/refs/heads/main/",
		"POST merges", "POST merge-upstream",
		"PUT pulls/1/merge", "PUT pulls/1/merge-async", "PUT pulls/1/update-branch",
		"POST branches/a/b/rename",
		"POST releases", "PATCH releases/1", "POST releases/1",
		"POST deployments",
		"POST code-scanning/alerts/1/autofix/commits",
		"PUT import", "PATCH import",
		"DELETE ",
	} {
		method, below, _ := strings.Cut(call, " ")
		op := operation(t, method, strings.TrimSuffix("/api/v3/repos/acme/widgets/"+below, "/"), "")
		require.True(t, op.MovesRefs, call)
		require.True(t, op.Write, call)
		require.Equal(t, "acme/widgets", op.Repository)
	}
}

func TestACallThatMovesNoRefIsNotTakenForOne(t *testing.T) {
	for _, call := range []string{
		"GET contents/a", "GET git/refs/heads/main", "HEAD git/refs", "GET pulls/1/merge", "GET releases",
		"POST git/blobs", "POST git/trees", "POST git/commits", "POST git/tags",
		"POST pulls", "PATCH pulls/1", "POST pulls/1/reviews", "PUT pulls/1/reviews/2", "POST pulls/1/requested_reviewers", "POST pulls/1/comments",
		"POST issues", "PATCH issues/1", "POST issues/1/comments", "POST issues/1/labels",
		"POST commits/abc/comments", "POST statuses/abc", "POST check-runs",
		"PUT branches/main/protection", "DELETE branches/main/protection",
		"DELETE releases/1", "POST releases/1/assets", "PATCH releases/assets/1", "POST releases/generate-notes", "POST releases/1/reactions",
		"DELETE deployments/1", "POST deployments/1/statuses",
		"POST code-scanning/alerts/1/autofix", "POST forks", "POST dispatches", "POST actions/workflows/1/dispatches",
		"POST stacks", "PATCH import/lfs", "PATCH ", "POST unheard-of",
	} {
		method, below, _ := strings.Cut(call, " ")
		op := operation(t, method, strings.TrimSuffix("/api/v3/repos/acme/widgets/"+below, "/"), "")
		require.False(t, op.MovesRefs, call)
		require.Equal(t, method != http.MethodGet && method != http.MethodHead, op.Write, call)
	}
	require.False(t, operation(t, "POST", "/api/uploads/repos/acme/widgets/releases/1/assets", "x").MovesRefs)
}

func TestAMutationThatMovesARefIsKnown(t *testing.T) {
	for mutation, moves := range map[string]bool{
		"createCommitOnBranch": true, "createRef": true, "updateRef": true, "updateRefs": true, "deleteRef": true,
		"createLinkedBranch": true, "createDeployment": true, "mergeBranch": true, "mergePullRequest": true,
		"revertPullRequest": true, "enqueuePullRequest": true, "enablePullRequestAutoMerge": true, "updatePullRequestBranch": true,
		"mergeInSomeNewWay": true,

		"createPullRequest": false, "updatePullRequest": false, "closePullRequest": false, "addPullRequestReview": false,
		"submitPullRequestReview": false, "markPullRequestReadyForReview": false, "convertPullRequestToDraft": false,
		"requestReviews": false, "dequeuePullRequest": false, "disablePullRequestAutoMerge": false, "addComment": false,
		"createIssue": false, "addReaction": false, "deleteLinkedBranch": false, "createBranchProtectionRule": false,
		"updateBranchProtectionRule": false, "deleteBranchProtectionRule": false, "createRepositoryRuleset": false,
		"acceptTopicSuggestion": false, "updateRepositoryWebCommitSignoffSetting": false,
	} {
		op := operation(t, "POST", "/api/graphql", `{"query":"mutation { `+mutation+`(input: {}) { clientMutationId } }"}`)
		require.Equal(t, moves, op.MovesRefs, mutation)
		require.True(t, op.Write)
		require.False(t, operation(t, "POST", "/api/graphql", `{"query":"{ `+mutation+` }"}`).MovesRefs)
	}
}
