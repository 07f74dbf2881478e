package endtoend_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// workspace is a machine that the platform has started: an environment, a home,
// and nothing else of this one.
type workspace struct {
	*testutil.Git
	platform *platform
	id       string

	mu                sync.Mutex
	succeeded, failed int // operations of git on the remote repository, by git's exit status
}

// provision starts a workspace from what the registry plans.
func (p *platform) provision(t *testing.T, id string) *workspace {
	t.Helper()
	w := &workspace{Git: testutil.NewGit(t), platform: p, id: id}
	trust := filepath.Join(w.Home, "github.pem")
	require.NoError(t, os.WriteFile(trust, p.github.CertPEM(), 0o600))
	w.Env["GIT_SSL_CAINFO"] = trust

	plan, err := p.registry.Plan(t.Context(), id, maps.Clone(w.Env))
	require.NoError(t, err)
	w.Env = plan.Env
	for path, content := range plan.Files {
		require.NoError(t, os.WriteFile(path, content, 0o600))
		p.printed.Secret(strings.TrimSpace(string(content)))
	}
	p.printed.Secret(w.Env[tokenhttp.EnvBearer], w.Env["GH_TOKEN"])
	fmt.Fprintf(p.printed, "plan: %v\n", plan)
	return w
}

// outcome is how a command ended.
type outcome struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

// remote runs git with args, of which one is clone, fetch, ls-remote or push:
// exactly one operation on the remote repository. It may be called by several
// goroutines.
func (w *workspace) remote(t *testing.T, dir string, args ...string) outcome {
	t.Helper()
	o := w.run(w.Command(t, dir, args...))
	fmt.Fprintf(w.platform.printed, "%s: git %q\n%s%s", w.id, args, o.stdout, o.stderr)
	w.mu.Lock()
	defer w.mu.Unlock()
	if o.code == 0 {
		w.succeeded++
	} else {
		w.failed++
	}
	return o
}

// must runs an operation as remote does, which has to succeed.
func (w *workspace) must(t *testing.T, dir string, args ...string) outcome {
	t.Helper()
	o := w.remote(t, dir, args...)
	require.Zero(t, o.code, "git %s: %s", strings.Join(args, " "), o.stderr)
	return o
}

// clone makes a fresh clone of the platform's n-th repository.
func (w *workspace) clone(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "clone")
	w.must(t, "", "clone", "--quiet", w.platform.gitURLs[n], dir)
	return dir
}

// commit adds a commit to the branch at hand.
func (w *workspace) commit(t *testing.T, dir, message string) {
	t.Helper()
	w.Run(t, dir, "commit", "--quiet", "--allow-empty", "-m", message)
}

// pushFile pushes a commit with a file of random content, which can't be
// compressed, to a branch. Over HTTP/1.1 git sends a pack above 1 MiB in chunks.
func (w *workspace) pushFile(t *testing.T, dir string, size int, ref string) outcome {
	content := make([]byte, size)
	_, _ = rand.Read(content)
	if err := os.WriteFile(filepath.Join(dir, "content"), content, 0o600); err != nil {
		return outcome{code: -1, stderr: err.Error()}
	}
	if _, stderr, err := w.Try(t, dir, "-c", "core.compression=0", "add", "content"); err != nil {
		return outcome{code: -1, stderr: stderr}
	}
	if _, stderr, err := w.Try(t, dir, "commit", "--quiet", "-m", "more content"); err != nil {
		return outcome{code: -1, stderr: stderr}
	}
	return w.remote(t, dir, "-c", "core.compression=0", "-c", "http.version=HTTP/1.1", "push", "--quiet", "--force",
		"origin", "HEAD:"+ref)
}

// token runs `git-credential-provisionkit token`. What it prints on standard
// output is the token, on purpose.
func (w *workspace) token(t *testing.T) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testutil.Command(t), "token")
	cmd.WaitDelay = 10 * time.Second
	for name, value := range w.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	o := w.run(cmd)
	fmt.Fprintf(w.platform.printed, "%s: token\n%s", w.id, o.stderr)
	return o
}

// request sends a request as the workspace, with its bearer.
func (w *workspace) request(t *testing.T, method, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+w.Env[tokenhttp.EnvBearer])
	resp, err := w.platform.endpoint.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	fmt.Fprintf(w.platform.printed, "%s: %s %s\n%s\n", w.id, method, url, content)
	return resp.StatusCode, string(content)
}

func (w *workspace) run(cmd *exec.Cmd) outcome {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	o := outcome{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(began)}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		o.code = exit.ExitCode()
	} else if err != nil {
		o.code, o.stderr = -1, err.Error()
	}
	return o
}

// useInjected returns arguments for git that make it use the token in the
// environment, as a workspace does that has no helper.
func (w *workspace) useInjected() []string {
	return w.useHelper(`!f() { test "$1" = get || exit 0; echo username=x-access-token; echo "password=$GH_TOKEN"; }; f`)
}

// useHelper returns arguments for git that put another helper in the place of
// the platform's.
func (w *workspace) useHelper(helper string) []string {
	key := "credential.https://" + w.platform.host + ".helper="
	return []string{"-c", key, "-c", key + helper}
}

// addHelper returns arguments for git that have it ask another helper after the
// platform's.
func (w *workspace) addHelper(helper string) []string {
	return []string{"-c", "credential.https://" + w.platform.host + ".helper=" + helper}
}

// complaints returns the lines that the command printed among those of git,
// without its name.
func (o outcome) complaints() []string {
	var found []string
	for line := range strings.Lines(o.stderr) {
		if complaint, ours := strings.CutPrefix(line, "git-credential-provisionkit: "); ours {
			found = append(found, strings.TrimSpace(complaint))
		}
	}
	return found
}
