package githubapptest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAMutationMovesRefsForWhoMayWrite(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	before := w.state()
	for name, c := range map[string]struct {
		mutation, input, payload string
		laxer                    bool // pull_requests: write is enough
		moved                    string
	}{
		"a commit": {"createCommitOnBranch", `branch:{repositoryNameWithOwner:"acme/widgets",branchName:"main"},expectedHeadOid:"MAIN",message:{headline:"New",body:"More"},
			fileChanges:{additions:[{path:"a",contents:"YQ=="}],deletions:[{path:"two"}]}`, "commit{oid url}ref{name target{oid}}", false, "heads/main"},
		"a commit by node":     {"createCommitOnBranch", `branch:{id:"OLD"},expectedHeadOid:"FIRST",message:{headline:"New"},fileChanges:{deletions:[{path:"README.md"}]}`, "commit{oid}", false, "heads/old"},
		"a new ref":            {"createRef", `repositoryId:"REPOSITORY",name:"refs/heads/new",oid:"MAIN"`, "ref{name prefix}", false, "heads/new"},
		"a ref moved":          {"updateRef", `refId:"OLD",oid:"MAIN"`, "ref{target{oid}}", false, "heads/old"},
		"a ref forced":         {"updateRef", `refId:"OLD",oid:"TOPIC",force:true`, "ref{target{oid}}", false, "heads/old"},
		"a ref removed":        {"deleteRef", `refId:"OLD"`, "clientMutationId", false, "heads/old"},
		"a merge":              {"mergeBranch", `repositoryId:"REPOSITORY",base:"main",head:"topic"`, "mergeCommit{oid}", false, "heads/main"},
		"a pull request":       {"mergePullRequest", `pullRequestId:"PULL_NODE",expectedHeadOid:"TOPIC"`, "pullRequest{state}", false, "heads/main"},
		"a merge when it can":  {"enablePullRequestAutoMerge", `pullRequestId:"PULL_NODE"`, "pullRequest{state number}", true, "heads/main"},
		"a pull's own branch":  {"updatePullRequestBranch", `pullRequestId:"PULL_NODE"`, "pullRequest{headRefName}", true, "heads/topic"},
		"one that is repeated": {"updateRef", `clientMutationId:"x",refId:"OLD",oid:"MAIN"`, "clientMutationId", false, "heads/old"},
	} {
		t.Run(name, func(t *testing.T) {
			defer w.restore()
			input := w.fill(c.input)
			if !c.laxer {
				refused := w.mutate(w.onlyPulls, c.mutation, input, c.payload)
				require.Contains(t, string(refused.body), `"type":"FORBIDDEN"`)
				require.Contains(t, string(refused.body), "Resource not accessible by integration")
				require.Equal(t, before, w.state())
			}
			token := w.token
			if c.laxer {
				token = w.onlyPulls
			}
			done := w.mutate(token, c.mutation, input, c.payload)
			require.NotContains(t, done.json, "errors", string(done.body))
			require.Equal(t, []string{c.moved}, moved(before, w.state()))
		})
	}
	w.git.Run(t, w.RepositoryDir("acme/widgets"), "fsck", "--strict")
}
