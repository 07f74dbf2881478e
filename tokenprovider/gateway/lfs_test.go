package gateway_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// newLFS returns git with Git LFS, which trusts the storage as well: hrefs lead
// there past the gateway.
func (p *platform) newLFS(t *testing.T) *testutil.Git {
	t.Helper()
	testutil.NeedTool(t, "git-lfs")
	git := p.newGit(t, "ws-1")
	own, err := os.ReadFile(p.ca)
	require.NoError(t, err)
	git.Env["GIT_SSL_CAINFO"] = filepath.Join(git.Home, "ca.pem")
	require.NoError(t, os.WriteFile(git.Env["GIT_SSL_CAINFO"], slices.Concat(own, p.github.CertPEM()), 0o600))
	git.Run(t, "", "lfs", "install", "--skip-repo")
	return git
}

// commitLarge adds a.bin, which Git LFS tracks, to the clone in folder.
func commitLarge(t *testing.T, git *testutil.Git, folder string) []byte {
	t.Helper()
	large := make([]byte, 2<<20)
	_, _ = rand.Read(large)
	git.Run(t, folder, "lfs", "track", "*.bin")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.bin"), large, 0o600))
	git.Run(t, folder, "add", ".")
	git.Run(t, folder, "commit", "--quiet", "--message", "Add a large file")
	return large
}

func TestGitLFSWorksThroughTheGateway(t *testing.T) {
	var refused atomic.Bool
	p := newPlatform(t, func(_ *platform, o *gateway.Options) {
		policy := o.Policy
		o.Policy = func(ctx context.Context, who tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			if refused.Load() && op.Kind == gateway.KindLFS && op.Write {
				return gateway.Grant{}, &gateway.Refusal{Message: "this workspace uploads no large files"}
			}
			return policy(ctx, who, op)
		}
	})
	git := p.newLFS(t)
	url := p.github.URL + "/acme/widgets.git"
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	git.Run(t, "", "clone", "--quiet", url, one)
	large := commitLarge(t, git, one)

	refused.Store(true)
	_, stderr, err := git.Try(t, one, "push", "origin", "HEAD:refs/heads/agent/one")
	require.Error(t, err)
	require.Contains(t, stderr, "this workspace uploads no large files")
	require.Equal(t, []string{"refs/heads/main"}, p.refs(t, "acme/widgets"))

	refused.Store(false)
	git.Run(t, one, "push", "--quiet", "origin", "HEAD:refs/heads/agent/one")
	refused.Store(true)
	git.Run(t, "", "clone", "--quiet", "--branch", "agent/one", url, two)
	content, err := os.ReadFile(filepath.Join(two, "a.bin"))
	require.NoError(t, err)
	require.True(t, slices.Equal(large, content))

	got := p.ask(t, "ws-1", "POST", "/acme/widgets.git/info/lfs/locks", `{"path":"a.bin"}`, "Accept", "application/vnd.git-lfs+json")
	require.Equal(t, "this workspace uploads no large files", got.message(t))
	refused.Store(false)
	git.Run(t, two, "lfs", "lock", "a.bin")
	require.Contains(t, git.Run(t, two, "lfs", "locks"), "a.bin")
	git.Run(t, two, "lfs", "unlock", "a.bin")
}

func TestOnlyHrefsOfGitLFSThatLeadToTheForgeChange(t *testing.T) {
	p := newPlatform(t, nil)
	oid := strings.Repeat("ab", 32)
	got := p.ask(t, "ws-1", "POST", "/acme/widgets.git/info/lfs/objects/batch",
		`{"operation":"upload","objects":[{"oid":"`+oid+`","size":9007199254740993}]}`, "Accept-Encoding", "gzip")
	require.Equal(t, 200, got.status, got.body)
	require.Contains(t, got.body, `"size":9007199254740993`, "a number stays as it is")
	var batch struct {
		Objects []struct {
			Actions map[string]struct {
				Href   string
				Header map[string]string
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &batch))
	upload, verify := batch.Objects[0].Actions["upload"], batch.Objects[0].Actions["verify"]
	require.NotContains(t, upload.Href, p.url)
	require.NotContains(t, upload.Href, p.github.URL)
	require.Contains(t, upload.Href, "X-Signature=")
	require.Equal(t, map[string]string{"X-Storage-Meta": oid}, upload.Header)
	require.Equal(t, p.url+"/acme/widgets.git/info/lfs/objects/verify", verify.Href)
	require.Empty(t, verify.Header, "the gateway adds what is needed")
}

func TestAnLFSBatchWithTwoReadingsIsRefused(t *testing.T) {
	p := newPlatform(t, nil)
	for name, body := range map[string]string{
		"no JSON":         "{",
		"no operation":    "{}",
		"another":         `{"operation":"Upload"}`,
		"twice":           `{"operation":"download","operation":"upload"}`,
		"twice by case":   `{"operation":"download","Operation":"upload"}`,
		"another by case": `{"Operation":"upload"}`,
		"two bodies":      `{"operation":"download"}{"operation":"upload"}`,
		"a list":          `[{"operation":"upload"}]`,
		"two operations":  `{"operation":["download","upload"]}`,
		"none":            `{"operation":null}`,
		"beyond UTF-8":    "{\"operation\":\"download\",\"a\xff\":1}",
	} {
		got := p.ask(t, "ws-1", "POST", "/acme/widgets.git/info/lfs/objects/batch", body,
			"Accept", "application/vnd.git-lfs+json")
		require.Equal(t, 403, got.status, name)
		require.Contains(t, got.message(t), "the LFS batch is refused", name)
	}
	require.Equal(t, 403, p.ask(t, "ws-1", "POST", "/acme/widgets.git/info/lfs/objects/batch", "{}", "Content-Encoding", "gzip").status)
	require.Equal(t, 403, p.ask(t, "ws-1", "GET", "/acme/widgets.git/info/lfs/other", "").status)
	require.Empty(t, p.github.Requests())
}

func TestGitLFSUploadsWithABearerInAFile(t *testing.T) {
	p := newPlatform(t, nil)
	plain := p.newLFS(t)
	m, err := p.Mutator(gateway.MutatorOptions{Key: p.key, BearerFile: filepath.Join(t.TempDir(), "bearer")})
	require.NoError(t, err)
	git, _ := p.workspace(t, m, nil)
	git.Env["GIT_SSL_CAINFO"] = plain.Env["GIT_SSL_CAINFO"]
	git.Run(t, "", "lfs", "install", "--skip-repo")
	clone := filepath.Join(t.TempDir(), "clone")
	git.Run(t, "", "clone", "--quiet", p.github.URL+"/acme/widgets.git", clone)
	commitLarge(t, git, clone)
	git.Run(t, clone, "push", "--quiet", "origin", "HEAD:refs/heads/agent/one")
	require.Contains(t, p.refs(t, "acme/widgets"), "refs/heads/agent/one")
}

func TestAnLFSBatchHasOneSpelling(t *testing.T) {
	p := newPlatform(t, nil)
	for _, path := range []string{"batch/", "Batch", "batch;x", "batch.json", "", "x/y", "verify/"} {
		got := p.ask(t, "ws-1", "POST", "/acme/widgets.git/info/lfs/objects/"+path, `{"operation":"upload"}`)
		require.Equal(t, 403, got.status, path)
	}
	require.Equal(t, 403, p.ask(t, "ws-1", "GET", "/acme/widgets.git/info/lfs/objects/batch", `{"operation":"download"}`).status)
	require.Empty(t, p.github.Requests())
}
