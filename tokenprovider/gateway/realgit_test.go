package gateway_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// sight is what the forge saw of git's requests.
type sight struct {
	mu  sync.Mutex
	all []*http.Request
}

// watch has the forge remember its requests.
func watch(p *platform) *sight {
	s := &sight{}
	p.github.Fail(githubapptest.Rule{Path: "/**", Fault: githubapptest.Hang, Match: func(r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = append(s.all, r)
		return false
	}})
	return s
}

// saw reports whether there was a request like that since the last call.
func (s *sight) saw(like func(*http.Request) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for _, r := range s.all {
		found = found || like(r)
	}
	s.all = nil
	return found
}

// configure sets git's configuration of a repository at the forge.
func (p *platform) configure(t testing.TB, repository string, pairs ...string) {
	t.Helper()
	for n := 0; n < len(pairs); n += 2 {
		testutil.NewGit(t).Run(t, p.github.RepositoryDir(repository), "config", pairs[n], pairs[n+1])
	}
}

func TestGitFetchesInEveryWayThroughTheGateway(t *testing.T) {
	p := newPlatform(t, nil)
	p.configure(t, "acme/widgets", "uploadpack.allowFilter", "true")
	git, seen := p.newGit(t, "ws-1"), watch(p)
	url, folder := p.github.URL+"/acme/widgets.git", t.TempDir()
	one, two := filepath.Join(folder, "one"), filepath.Join(folder, "two")
	isVersion2 := func(r *http.Request) bool { return r.Header.Get("Git-Protocol") == "version=2" }
	git.Run(t, "", "-c", "protocol.version=0", "clone", "--quiet", url, filepath.Join(folder, "zero"))
	require.False(t, seen.saw(isVersion2))
	git.Run(t, "", "clone", "--quiet", url, one)
	require.True(t, seen.saw(isVersion2))
	git.Run(t, "", "init", "--quiet", two)

	// A fetch that has much to say of what it has, and nothing in common, is
	// compressed.
	var commits strings.Builder
	for n := range 60 {
		commits.WriteString("commit refs/heads/many\ncommitter Test <test@example.com> " + strconv.Itoa(1_700_000_000+n) +
			" +0000\ndata 4\nWork\nM 100644 inline f\ndata 2\n" + string(rune('A'+n%26)) + "\n\n")
	}
	cmd := git.Command(t, two, "fast-import", "--quiet")
	cmd.Stdin = strings.NewReader(commits.String())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	git.Run(t, one, "commit", "--quiet", "--allow-empty", "--message", "Work")
	git.Run(t, one, "push", "--quiet", "origin", "HEAD:refs/heads/agent/one")
	seen.saw(func(*http.Request) bool { return false })
	git.Run(t, two, "fetch", "--quiet", url, "agent/one")
	require.True(t, seen.saw(func(r *http.Request) bool { return r.Header.Get("Content-Encoding") == "gzip" }))

	shallow := filepath.Join(folder, "shallow")
	git.Run(t, "", "clone", "--quiet", "--depth=1", "--branch=agent/one", url, shallow)
	require.Equal(t, "1", git.Run(t, shallow, "rev-list", "--count", "HEAD"))
	git.Run(t, shallow, "fetch", "--quiet", "--unshallow")
	require.Equal(t, "2", git.Run(t, shallow, "rev-list", "--count", "HEAD"))

	partial := filepath.Join(folder, "partial")
	git.Run(t, "", "clone", "--quiet", "--filter=blob:none", "--no-checkout", url, partial)
	require.Contains(t, git.Run(t, partial, "rev-list", "--objects", "--missing=print", "HEAD"), "?", "a blob isn't there yet")
	git.Run(t, partial, "checkout", "--quiet", "main")
	readme, err := os.ReadFile(filepath.Join(partial, "README.md"))
	require.NoError(t, err)
	require.Equal(t, "# widgets\n", string(readme))
}

func TestGitPushesInEveryWayThroughTheGateway(t *testing.T) {
	p := newPlatform(t, func(_ *platform, o *gateway.Options) {
		allow, err := gateway.AllowRefs("refs/heads/agent/*", "refs/tags/v*")
		require.NoError(t, err)
		policy := o.Policy
		o.Policy = func(ctx context.Context, who tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			grant, _ := policy(ctx, who, op)
			return grant, allow(op)
		}
	})
	p.configure(t, "acme/widgets", "receive.advertisePushOptions", "true")
	git, seen := p.newGit(t, "ws-1"), watch(p)
	folder := filepath.Join(t.TempDir(), "widgets")
	git.Run(t, "", "clone", "--quiet", p.github.URL+"/acme/widgets.git", folder)
	push := func(args ...string) { git.Run(t, folder, append([]string{"push", "--quiet"}, args...)...) }

	large := make([]byte, 3<<20)
	_, _ = rand.Read(large)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "large"), large, 0o600))
	git.Run(t, folder, "add", ".")
	git.Run(t, folder, "commit", "--quiet", "--message", "Add a large file")
	main := git.Run(t, folder, "rev-parse", "origin/main")

	_, stderr, err := git.Try(t, folder, "push", "origin", "HEAD:main")
	require.Error(t, err)
	require.Contains(t, stderr, "[remote rejected] HEAD -> main (the policy of this workspace doesn't allow a push to refs/heads/main;")
	_, stderr, err = git.Try(t, folder, "push", "--atomic", "origin", "HEAD:refs/heads/agent/a", "HEAD:main")
	require.Error(t, err)
	require.Contains(t, stderr, "doesn't allow a push to refs/heads/main")
	require.Equal(t, 2, strings.Count(stderr, "[remote rejected]"), stderr)
	require.Equal(t, []string{"refs/heads/main"}, p.refs(t, "acme/widgets"), "nothing of a refused push arrives")
	require.Equal(t, main, testutil.NewGit(t).Run(t, p.github.RepositoryDir("acme/widgets"), "rev-parse", "main"))
	require.False(t, seen.saw(func(r *http.Request) bool { return r.ContentLength < 0 }))
	_, _, err = testutil.NewGit(t).Try(t, p.github.RepositoryDir("acme/widgets"), "cat-file", "-e", git.Run(t, folder, "rev-parse", "HEAD"))
	require.Error(t, err, "nor do its objects")

	push("origin", "HEAD:refs/heads/agent/a")
	require.True(t, seen.saw(func(r *http.Request) bool { return r.ContentLength < 0 }), "it is chunked")
	git.Run(t, folder, "tag", "--annotate", "--message", "Two", "v2")
	push("--atomic", "--push-option=ci.skip", "origin", "HEAD:refs/heads/agent/b", "HEAD:refs/tags/v1", "v2")
	require.Equal(t, []string{"refs/heads/agent/a", "refs/heads/agent/b", "refs/heads/main", "refs/tags/v1", "refs/tags/v2"},
		p.refs(t, "acme/widgets"))
	push("--force", "origin", "HEAD~1:refs/heads/agent/a", ":refs/heads/agent/b", ":refs/tags/v1")
	push("origin", ":refs/heads/agent/a")
	require.Equal(t, []string{"refs/heads/main", "refs/tags/v2"}, p.refs(t, "acme/widgets"))
	_, stderr, err = git.Try(t, folder, "push", "origin", "--delete", "main")
	require.Error(t, err)
	require.Contains(t, stderr, "[remote rejected] main (the policy")
	p.requireClean(t)
}

func TestASubmoduleOfAnotherOwnerIsFetchedWithoutAToken(t *testing.T) {
	p := newPlatform(t, func(_ *platform, o *gateway.Options) {
		policy := o.Policy
		o.Policy = gateway.PublicFetch(func(ctx context.Context, who tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			if !strings.HasPrefix(op.Repository, "acme/") {
				return gateway.Grant{}, &gateway.Refusal{Message: "this workspace works for acme"}
			}
			return policy(ctx, who, op)
		}, "acme")
	})
	_, err := p.github.AddRepository("other/lib")
	require.NoError(t, err)
	p.publish(t, "other/lib")
	git := p.newGit(t, "ws-1")
	folder := filepath.Join(t.TempDir(), "widgets")
	git.Run(t, "", "clone", "--quiet", p.github.URL+"/acme/widgets.git", folder)
	git.Run(t, folder, "submodule", "--quiet", "add", p.github.URL+"/other/lib.git", "lib")
	readme, err := os.ReadFile(filepath.Join(folder, "lib", "README.md"))
	require.NoError(t, err)
	require.Equal(t, "# lib\n", string(readme))

	_, stderr, err := git.Try(t, filepath.Join(folder, "lib"), "push", "origin", "HEAD:refs/heads/agent/x")
	require.Error(t, err)
	require.Contains(t, stderr, "this workspace works for acme")
	_, err = p.github.AddRepository("other/private")
	require.NoError(t, err)
	got := p.ask(t, "ws-1", "GET", "/other/private.git/info/refs?service=git-upload-pack", "")
	require.Equal(t, 403, got.status)
	require.Contains(t, got.body, "gives it no token for this")
}

// publish lets everybody read a repository at the forge, and fails the test when
// a token comes along.
func (p *platform) publish(t *testing.T, repository string) {
	backend := gitBackend(t, p.github.RepositoryDir(repository))
	p.github.Fail(githubapptest.Rule{Path: "/" + repository + ".git/**",
		Match: func(r *http.Request) bool { return !strings.Contains(r.URL.RawQuery+r.URL.Path, "receive-pack") },
		Fault: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			if r.Header.Get("Authorization") != "" {
				t.Errorf("%s has a token", r.URL.Path)
			}
			r.URL.Path = strings.TrimPrefix(r.URL.Path, "/"+repository+".git")
			backend.ServeHTTP(w, r)
		}})
}

func TestTheRedirectOfARenamedRepositoryIsFollowed(t *testing.T) {
	p := newPlatform(t, nil)
	require.NoError(t, p.github.RenameRepository("acme/gadgets", "acme/things"))
	git := p.newGit(t, "ws-1")
	folder := filepath.Join(t.TempDir(), "gadgets")
	_, stderr, err := git.Try(t, "", "clone", p.github.URL+"/acme/gadgets.git", folder)
	require.NoError(t, err, stderr)
	require.Contains(t, stderr, "redirecting to "+p.url+"/acme/things.git")
	git.Run(t, folder, "commit", "--quiet", "--allow-empty", "--message", "Work")
	git.Run(t, folder, "push", "--quiet", "origin", "HEAD:refs/heads/agent/one")
	require.Contains(t, p.refs(t, "acme/things"), "refs/heads/agent/one")
}
