package workspace_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// commitLarge returns a clone with a commit of that many files of Git LFS's.
func commitLarge(t *testing.T, f *workspacetest.Forge, files int) string {
	t.Helper()
	testutil.NeedTool(t, "git-lfs")
	f.Run(t, f.Dir, "lfs", "install", "--skip-repo")
	clone := filepath.Join(f.Dir, "clone")
	f.Run(t, f.Dir, "clone", "--quiet", f.URL, clone)
	f.Run(t, clone, "lfs", "track", "*.bin")
	for n := range files {
		path := filepath.Join(clone, fmt.Sprint(n, ".bin"))
		require.NoError(t, os.WriteFile(path, []byte(path), 0o600))
	}
	f.Run(t, clone, "add", ".")
	f.Run(t, clone, "commit", "--quiet", "--message", "Add large files")
	return clone
}

// served returns how many requests of Git LFS's for that the forge served.
func served(f *workspacetest.Forge, what string) (n int) {
	for _, r := range f.GitHub.Requests() {
		if r.Path == "/acme/widgets.git/info/lfs/objects/"+what && r.Status == 200 {
			n++
		}
	}
	return n
}

// Git LFS keeps a credential for as long as it runs, and asks for a hundred
// objects at a time.
func TestGitLFSUploadsForLongerThanATokenLives(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, 4*time.Second, nil)
	const files = 110
	clone := commitLarge(t, f, files)
	f.Run(t, clone, "config", "lfs.concurrentTransfers", "1")
	f.GitHub.Fail(githubapptest.Rule{
		Path: "/acme/widgets.git/info/lfs/objects/verify", Fault: githubapptest.Delay(50 * time.Millisecond),
	})
	f.Run(t, clone, "lfs", "push", "origin", "HEAD")
	require.Equal(t, 2, served(f, "batch"))
	require.Equal(t, files, served(f, "verify"))
}

func TestGitLFSGetsItsTokenByAskpassWhereThereIsNoHelper(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	clone := commitLarge(t, f, 1)
	link := filepath.Join(t.TempDir(), "git-askpass-provisionkit"+filepath.Ext(testutil.Command(t)))
	workspacetest.Link(t, testutil.Command(t), link)
	f.Env["GIT_ASKPASS"] = link
	f.Run(t, clone, "-c", "credential.https://"+f.Host+".helper=", "lfs", "push", "origin", "HEAD")
	require.Equal(t, 1, served(f, "verify"))
}
