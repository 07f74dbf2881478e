package gateway_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// plainForge is a git server without an API, with repositories below /scm, whose
// git takes a token as the password of oauth2.
type plainForge struct{ base *url.URL }

var _ gateway.Forge = plainForge{}

var scmPath = regexp.MustCompile(`^/scm/[a-z0-9-]+/[a-z0-9-]+\.git/`)

// Operation implements [gateway.Forge].
func (f plainForge) Operation(r *http.Request) (gateway.Operation, error) {
	op, ok, err := gateway.Git(r)
	switch {
	case err != nil:
		return op, err
	case !ok || op.Kind == gateway.KindLFS || !scmPath.MatchString(r.URL.Path):
		return op, &gateway.Refusal{Message: "this forge has git below /scm alone"}
	}
	op.Repository = strings.TrimPrefix(op.Repository, "scm/")
	return op, nil
}

// Target implements [gateway.Forge].
func (f plainForge) Target(_ gateway.Operation, r *http.Request) *url.URL {
	target, _ := gateway.Join(f.base, r.URL.EscapedPath())
	target.RawQuery = r.URL.RawQuery
	return target
}

// Header implements [gateway.Forge].
func (f plainForge) Header(name string) bool {
	return strings.HasPrefix(name, "Accept") || strings.HasPrefix(name, "Content-") || name == "Git-Protocol" || name == "User-Agent"
}

// Authorize implements [gateway.Forge].
func (f plainForge) Authorize(r *http.Request, _ gateway.Operation, token string) {
	if token != "" {
		r.SetBasicAuth("oauth2", token)
	}
}

// Rewrite implements [gateway.Forge].
func (f plainForge) Rewrite(*http.Response, gateway.Operation, *url.URL) error { return nil }

// Refuse implements [gateway.Forge].
func (f plainForge) Refuse(w http.ResponseWriter, _ *http.Request, status int, message string) {
	http.Error(w, message, status)
}

// Wire implements [gateway.Forge].
func (f plainForge) Wire(map[string]string, *url.URL, string) []string {
	return []string{f.base.String() + "/"}
}

// gitBackend returns what serves the repositories below root to everybody.
func gitBackend(t *testing.T, root string) http.Handler {
	t.Helper()
	git := testutil.NewGit(t)
	backend := &cgi.Handler{
		Path: filepath.Join(git.Run(t, "", "--exec-path"), "git-http-backend"), Dir: root, Stderr: io.Discard,
		Env:    []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + git.Home},
		Logger: log.New(io.Discard, "", 0),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // a CGI has no chunks
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		backend.ServeHTTP(w, r)
	})
}

// newPlainForge returns a git server with the repository team/tools, whose object
// ids are SHA-256.
func newPlainForge(t *testing.T, token string) plainForge {
	t.Helper()
	git := testutil.NewGit(t)
	root := t.TempDir()
	bare := filepath.Join(root, "scm", "team", "tools.git")
	require.NoError(t, os.MkdirAll(bare, 0o700))
	git.Run(t, bare, "init", "--quiet", "--bare", "--initial-branch=main", "--object-format=sha256")
	git.Run(t, bare, "config", "http.receivepack", "true")
	backend := gitBackend(t, root)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "oauth2" || password != token {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		r.Header.Del("Authorization")
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	require.NoError(t, err)
	return plainForge{base}
}

// withForge puts forge behind a gateway, whose every push goes to agent/*.
func withForge(t *testing.T, forge plainForge, token string) func(*platform, *gateway.Options) {
	return func(_ *platform, o *gateway.Options) {
		allow, err := gateway.AllowRefs("refs/heads/agent/*")
		require.NoError(t, err)
		transport := &http.Transport{DisableCompression: true}
		t.Cleanup(transport.CloseIdleConnections)
		o.Forge, o.Transport = forge, transport
		o.Policy = func(_ context.Context, _ tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			if op.Repository != "team/tools" {
				return gateway.Grant{}, &gateway.Refusal{Message: "this workspace works on team/tools"}
			}
			return gateway.Grant{Provider: tokenprovider.Static(token)}, allow(op)
		}
	}
}

func TestAnotherForgeNeedsNoMoreThanItsInterface(t *testing.T) {
	const token = "a-token-of-another-forge"
	forge := newPlainForge(t, token)
	p := newPlatform(t, withForge(t, forge, token))
	p.log.Secret(token)
	git := p.newGit(t, "ws-1")
	folder := filepath.Join(t.TempDir(), "tools")
	git.Run(t, "", "init", "--quiet", "--initial-branch=main", "--object-format=sha256", folder)
	git.Run(t, folder, "remote", "add", "origin", forge.base.String()+"/scm/team/tools.git")
	git.Run(t, folder, "commit", "--quiet", "--allow-empty", "--message", "Work")
	_, stderr, err := git.Try(t, folder, "push", "origin", "HEAD:refs/heads/main")
	require.Error(t, err)
	require.Contains(t, stderr, "[remote rejected] HEAD -> main (the policy of this workspace doesn't allow a push to refs/heads/main")
	git.Run(t, folder, "push", "--quiet", "origin", "HEAD:refs/heads/agent/one")
	clone := filepath.Join(t.TempDir(), "clone")
	git.Run(t, "", "clone", "--quiet", "--branch", "agent/one", forge.base.String()+"/scm/team/tools.git", clone)
	require.Equal(t, git.Run(t, folder, "rev-parse", "HEAD"), git.Run(t, clone, "rev-parse", "HEAD"))

	for path, says := range map[string]string{
		"/scm/team/other.git": "this workspace works on team/tools",
		"/team/tools.git":     "this forge has git below /scm alone",
		"/api/v3/user":        "this forge has git below /scm alone",
	} {
		got := p.ask(t, "ws-1", "GET", path+"/info/refs?service=git-upload-pack", "")
		require.Equal(t, 403, got.status)
		require.Equal(t, says+"\n", got.body)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	}
}
