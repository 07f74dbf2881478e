package githubapptest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

const (
	ci      = ".github/workflows/ci.yml"
	refusal = "(refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission)"
)

// pusher pushes from a clone with a token that may write contents, and with one
// that may write workflows too.
type pusher struct {
	t               *testing.T
	allowed, denied *testutil.Git
	clone, bare     string
}

func newPusher(t *testing.T) (*fake, *pusher) {
	f := newFake(t, nil)
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account,
		Permissions: map[string]string{"contents": "write", "workflows": "write"}})
	url, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	all, _ := f.mint("")
	contents, _ := f.mint(`{"permissions":{"contents":"write"}}`)
	p := &pusher{t, f.newGit(all), f.newGit(contents), filepath.Join(t.TempDir(), "clone"), f.RepositoryDir("acme/widgets")}
	p.denied.Run(t, "", "clone", "--quiet", url, p.clone)
	return f, p
}

func (p *pusher) git(args ...string) string { return p.denied.Run(p.t, p.clone, args...) }

func (p *pusher) commit(path, content string) {
	p.t.Helper()
	file := filepath.Join(p.clone, filepath.FromSlash(path))
	require.NoError(p.t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(p.t, os.WriteFile(file, []byte(content), 0o600))
	p.git("add", "--all")
	p.git("commit", "--quiet", "--message", "Change "+path)
}

// refs returns the refs of the repository itself.
func (p *pusher) refs() string {
	return p.denied.Run(p.t, p.bare, "for-each-ref", "--format=%(refname) %(objectname)")
}

// refused pushes and expects GitHub's words, and that nothing came of it.
func (p *pusher) refused(args ...string) {
	p.t.Helper()
	before := p.refs()
	_, stderr, err := p.denied.Try(p.t, p.clone, append([]string{"push", "origin"}, args...)...)
	require.Error(p.t, err)
	require.Contains(p.t, stderr, "[remote rejected]")
	require.Contains(p.t, stderr, refusal)
	require.Equal(p.t, before, p.refs())
}

func TestAPushThatChangesAWorkflowNeedsThePermissionForIt(t *testing.T) {
	t.Parallel()
	_, p := newPusher(t)
	p.commit("a/"+ci, "not in the root")
	p.commit(".github/dependabot.yml", "no workflow")
	p.git("push", "--quiet", "origin", "main")

	p.commit(ci, "one")
	p.refused("main")
	p.commit("README.md", "a commit after it")
	p.refused("main")
	p.refused("main:refs/heads/another")
	p.git("tag", "v1")
	p.refused("v1")
	p.git("tag", "--annotate", "--message", "A release", "v2")
	p.refused("v2")

	p.allowed.Run(t, p.clone, "push", "--quiet", "origin", "main")
	p.commit("README.md", "which is on top of a workflow")
	p.git("push", "--quiet", "origin", "main")
	p.commit(ci, "two")
	p.refused("main")
	p.git("commit", "--quiet", "--amend", "--all", "--message", "Nothing", "--allow-empty")
	p.refused("--force", "main")
	p.allowed.Run(t, p.clone, "push", "--quiet", "--force", "origin", "main")
	p.git("switch", "--quiet", "--create", "late", "HEAD^") // where the workflow is as no branch has it any more
	p.commit("late", "a commit of an old branch")
	p.git("push", "--quiet", "origin", "late")
	p.git("switch", "--quiet", "main")
	p.git("rm", "--quiet", ci)
	p.git("commit", "--quiet", "--message", "Remove the workflow")
	p.git("push", "--quiet", "origin", "main", "HEAD:refs/heads/other")
	p.git("push", "--quiet", "origin", ":other")
}

func TestAWorkflowThatIsOnAnotherBranchMayBePushed(t *testing.T) {
	t.Parallel()
	_, p := newPusher(t)
	p.git("switch", "--quiet", "--create", "topic")
	p.commit(ci, "one")
	p.allowed.Run(t, p.clone, "push", "--quiet", "origin", "topic")
	p.git("switch", "--quiet", "main")
	p.commit("README.md", "moved on")
	p.commit(ci, "one")
	p.git("push", "--quiet", "origin", "main")
	p.commit(ci, "two")
	p.refused("main")
}

func TestAWorkflowThatMovesIsAnother(t *testing.T) {
	t.Parallel()
	_, p := newPusher(t)
	p.commit(".github/workflows/old.yml", "one")
	p.allowed.Run(t, p.clone, "push", "--quiet", "origin", "main")
	p.git("mv", ".github/workflows/old.yml", ci)
	p.git("commit", "--quiet", "--message", "Move the workflow")
	p.refused("main")
}

func TestAMergeIsJudgedByWhatItChangesItself(t *testing.T) {
	t.Parallel()
	_, p := newPusher(t)
	p.git("switch", "--quiet", "--create", "topic")
	p.commit(ci, "one")
	p.allowed.Run(t, p.clone, "push", "--quiet", "origin", "topic")
	p.git("switch", "--quiet", "main")
	p.commit("README.md", "moved on")
	p.git("merge", "--quiet", "--no-edit", "topic")
	p.git("push", "--quiet", "origin", "main")

	p.git("switch", "--quiet", "--create", "side", "HEAD^1")
	p.commit("side", "a file")
	p.git("merge", "--quiet", "--no-commit", "topic")
	require.NoError(t, os.WriteFile(filepath.Join(p.clone, ci), []byte("slipped in"), 0o600))
	p.git("commit", "--quiet", "--all", "--message", "Merge topic, and more")
	p.refused("side")
	p.git("switch", "--quiet", "--create", "hidden", "main")
	p.git("merge", "--quiet", "--strategy", "ours", "--no-edit", "side")
	p.refused("hidden") // the tree is main's, but the commit comes with it
}

func TestAWorkflowStopsThePushOfAllRefs(t *testing.T) {
	t.Parallel()
	_, p := newPusher(t)
	p.git("branch", "harmless")
	p.commit(ci, "one")
	p.refused("harmless", "main")
	_, stderr, err := p.denied.Try(t, p.clone, "push", "origin", "harmless", "main")
	require.Error(t, err)
	require.Contains(t, stderr, "harmless -> harmless (pre-receive hook declined)")
}

func TestALargePushIsJudgedToo(t *testing.T) {
	t.Parallel()
	_, p := newPusher(t)
	large := make([]byte, 2<<20) // beyond http.postBuffer, so it comes in chunks
	for n := range large {
		large[n] = byte(n * n >> 3)
	}
	p.commit("large", string(large))
	p.git("push", "--quiet", "origin", "main")
	p.commit(ci, "one")
	p.commit("large", string(large[1:]))
	p.refused("main")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(p.bare), "push-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAPushThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	f, _ := newPusher(t)
	token, _ := f.mint(`{"permissions":{"contents":"write"}}`)
	line := func(payload string) string { return fmt.Sprintf("%04x%s", len(payload)+4, payload) }
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(line("x")))
	_ = z.Close()
	for name, body := range map[string]string{
		"nothing": "", "no length": "zzzz", "a length of 3": "0003", "half a line": "0020abc",
		"another line": line("push-cert\x00 report-status"), "no ids": line("a b refs/heads/main"),
	} {
		resp := f.push(token, body)
		require.Equal(t, 400, resp.StatusCode, name)
	}
	require.Equal(t, 400, f.push(token, zipped.String(), "Content-Encoding", "gzip").StatusCode)
	require.Equal(t, 400, f.push(token, "no gzip", "Content-Encoding", "gzip").StatusCode)
}

// Other clients than git may ask for the report in its first form, without a
// side band, or for none.
func TestARefusalComesInTheFormThatTheClientAskedFor(t *testing.T) {
	t.Parallel()
	f, p := newPusher(t)
	token, _ := f.mint(`{"permissions":{"contents":"write"}}`)
	p.commit(ci, "one")
	commit, base := p.git("rev-parse", "main"), p.git("rev-parse", "origin/main")
	pack := p.denied.Command(t, p.clone, "pack-objects", "--revs", "--stdout", "-q")
	pack.Stdin = strings.NewReader(commit + "\n^" + base + "\n")
	objects, err := pack.Output()
	require.NoError(t, err)
	line := func(payload string) string { return fmt.Sprintf("%04x%s", len(payload)+4, payload) }
	report := line("unpack ok\n") + line("ng refs/heads/main "+strings.Trim(refusal, "()")+"\n") + "0000"
	for capabilities, want := range map[string]string{
		"report-status": report, "report-status-v2": report, "": "", "report-status side-band-64k": line("\x01"+report) + "0000",
	} {
		resp := f.push(token, line(base+" "+commit+" refs/heads/main\x00"+capabilities)+"0000"+string(objects))
		require.Equal(t, 200, resp.StatusCode)
		require.Equal(t, want, string(resp.body), capabilities)
	}
}

func (f *fake) push(token, body string, header ...string) *response {
	f.t.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
	header = append(header, "Content-Type", "application/x-git-receive-pack-request")
	return f.do("POST", "/acme/widgets.git/git-receive-pack", "Basic "+basic, body, header...)
}
