package clienttest

import (
	"errors"
	"testing"

	"github.com/google/go-github/v92/github"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// go-github changes a repository, and git finds what it did.
func TestGoGitHubChangesARepository(t *testing.T) {
	f := newFake(t, nil)
	_, err := f.AddRepository("acme/work")
	require.NoError(t, err)
	ctx, hub := t.Context(), f.asInstallation(f.mint(mintAcme, ""))
	main, _, err := hub.Git.GetRef(ctx, "acme", "work", "heads/main")
	require.NoError(t, err)
	_, _, err = hub.Git.CreateRef(ctx, "acme", "work", github.CreateRef{Ref: "refs/heads/topic", SHA: main.GetObject().GetSHA()})
	require.NoError(t, err)
	for branch, name := range map[string]string{"topic": "one", "main": "two"} {
		_, _, err = hub.Repositories.CreateFile(ctx, "acme", "work", name, &github.RepositoryContentFileOptions{
			Message: new("Add " + name), Content: []byte(name), Branch: new(branch),
		})
		require.NoError(t, err)
	}
	file, _, _, err := hub.Repositories.GetContents(ctx, "acme", "work", "one", &github.RepositoryContentGetOptions{Ref: "topic"})
	require.NoError(t, err)
	content, err := file.GetContent()
	require.NoError(t, err)
	require.Equal(t, "one", content)

	number, err := f.AddPullRequest("acme/work", "topic", "main")
	require.NoError(t, err)
	_, _, err = hub.PullRequests.UpdateBranch(ctx, "acme", "work", number, nil)
	accepted, ok := errors.AsType[*github.AcceptedError](err)
	require.True(t, ok, "%v", err)
	require.NotNil(t, accepted)
	merged, _, err := hub.PullRequests.Merge(ctx, "acme", "work", number, "", nil)
	require.NoError(t, err)
	require.True(t, merged.GetMerged())
	_, _, err = hub.Repositories.CreateRelease(ctx, "acme", "work", github.CreateReleaseRequest{TagName: "v1"})
	require.NoError(t, err)
	_, err = hub.Git.DeleteRef(ctx, "acme", "work", "heads/topic")
	require.NoError(t, err)

	branches, _, err := hub.Repositories.ListBranches(ctx, "acme", "work", nil)
	require.NoError(t, err)
	require.Len(t, branches, 1)
	git, dir := testutil.NewGit(t), f.RepositoryDir("acme/work")
	require.Equal(t, merged.GetSHA(), git.Run(t, dir, "rev-parse", "v1"))
	require.Equal(t, "README.md\none\ntwo", git.Run(t, dir, "ls-tree", "--name-only", "main"))
	author, _, err := hub.Users.Get(ctx, "robot[bot]")
	require.NoError(t, err)
	require.Contains(t, git.Run(t, dir, "log", "-1", "--format=%an %ae", "main"), "robot[bot] ")
	require.Contains(t, git.Run(t, dir, "log", "-1", "--format=%ae", "main"), github.Stringify(author.GetID())+"+robot[bot]@")
	for _, r := range f.Requests() {
		require.Empty(t, r.Breach, "%s %s", r.Method, r.Path)
	}
}
