package oauth2token_test

import (
	"bytes"
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
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/stretchr/testify/require"
)

// gitForge is a [forge] with git over HTTP, which takes an access token as the
// password of oauth2, as GitLab does. It is a gateway.Forge, too.
type gitForge struct {
	*forge
	server *httptest.Server
	base   *url.URL
	ca     string // the file of its certificate
	root   string // of its repositories
	users  chan string
}

var _ gateway.Forge = (*gitForge)(nil)

// newGitForge returns a forge with the repository team/tools.
func newGitForge(t *testing.T) *gitForge {
	t.Helper()
	git := testutil.NewGit(t)
	f := &gitForge{forge: newForge(t), root: t.TempDir(), users: make(chan string, 1000)}
	bare := filepath.Join(f.root, "team", "tools.git")
	require.NoError(t, os.MkdirAll(bare, 0o700))
	git.Run(t, bare, "init", "--quiet", "--bare", "--initial-branch=main")
	git.Run(t, bare, "config", "http.receivepack", "true")
	backend := &cgi.Handler{
		Path: filepath.Join(git.Run(t, "", "--exec-path"), "git-http-backend"), Dir: f.root, Stderr: io.Discard,
		Env:    []string{"GIT_PROJECT_ROOT=" + f.root, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + git.Home},
		Logger: log.New(io.Discard, "", 0),
	}
	f.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/token" {
			f.forge.ServeHTTP(w, r)
			return
		}
		user, password, _ := r.BasicAuth()
		person := f.person(password)
		if user != "oauth2" || person == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		f.users <- person
		body, err := io.ReadAll(r.Body) // a CGI has no chunks
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		r.Header.Del("Authorization")
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(f.server.Close)
	f.ca = testutil.CertificateFile(t, f.server)
	var err error
	f.base, err = url.Parse(f.server.URL)
	require.NoError(t, err)
	return f
}

// seen returns who used git since it was called last.
func (f *gitForge) seen() map[string]bool {
	people := map[string]bool{}
	for {
		select {
		case person := <-f.users:
			people[person] = true
		default:
			return people
		}
	}
}

// pushes clones team/tools, and pushes a commit to a branch.
func (f *gitForge) pushes(t *testing.T, git *testutil.Git, branch string) {
	t.Helper()
	clone := filepath.Join(t.TempDir(), "tools")
	git.Run(t, "", "clone", "--quiet", f.base.String()+"/team/tools.git", clone)
	git.Run(t, clone, "commit", "--quiet", "--allow-empty", "--message="+branch)
	git.Run(t, clone, "push", "--quiet", "origin", "HEAD:refs/heads/"+branch)
	require.NotEmpty(t, testutil.NewGit(t).Run(t, filepath.Join(f.root, "team", "tools.git"), "rev-parse", branch))
}

var repositoryPath = regexp.MustCompile(`^/[a-z0-9-]+/[a-z0-9-]+\.git/`)

// Operation implements [gateway.Forge].
func (f *gitForge) Operation(r *http.Request) (gateway.Operation, error) {
	op, ok, err := gateway.Git(r)
	if err == nil && (!ok || op.Kind == gateway.KindLFS || !repositoryPath.MatchString(r.URL.Path)) {
		err = &gateway.Refusal{Message: "this forge has git alone"}
	}
	return op, err
}

// Target implements [gateway.Forge].
func (f *gitForge) Target(_ gateway.Operation, r *http.Request) *url.URL {
	target, _ := gateway.Join(f.base, r.URL.EscapedPath())
	target.RawQuery = r.URL.RawQuery
	return target
}

// Header implements [gateway.Forge].
func (f *gitForge) Header(name string) bool {
	return strings.HasPrefix(name, "Accept") || strings.HasPrefix(name, "Content-") || name == "Git-Protocol" || name == "User-Agent"
}

// Authorize implements [gateway.Forge].
func (f *gitForge) Authorize(r *http.Request, _ gateway.Operation, token string) {
	if token != "" {
		r.SetBasicAuth("oauth2", token)
	}
}

// Rewrite implements [gateway.Forge].
func (f *gitForge) Rewrite(*http.Response, gateway.Operation, *url.URL) error { return nil }

// Refuse implements [gateway.Forge].
func (f *gitForge) Refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	gateway.RefuseGit(w, r, status, message)
}

// Wire implements [gateway.Forge].
func (f *gitForge) Wire(map[string]string, *url.URL, string) []string {
	return []string{f.base.String() + "/"}
}
