//go:build unix

package gateway_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// guidesNginx returns the configuration of nginx that the guide shows.
func guidesNginx(t *testing.T) string {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "platform-engineers.md"))
	require.NoError(t, err)
	blocks, err := doctest.Blocks(string(guide))
	require.NoError(t, err)
	n := slices.IndexFunc(blocks, func(b doctest.Block) bool { return b.Kind == "nginx" })
	require.GreaterOrEqual(t, n, 0, "the guide shows no nginx")
	return blocks[n].Text
}

// startNginx starts nginx with the guide's configuration for a server at an
// address of loopback, and returns nginx's own. Nothing but addresses and files
// differs from what the guide shows.
func startNginx(t *testing.T, hostname, behind string, front *httptest.Server) (address string) {
	t.Helper()
	nginx, folder := testutil.NeedTool(t, "nginx"), t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(front.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{
		"gateway.pem": {Type: "CERTIFICATE", Bytes: front.Certificate().Raw}, "gateway.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600))
	}
	address = "127.0.0.1:" + doctest.FreePort(t)
	server := strings.NewReplacer("listen 443 ", "listen "+address+" ", "github.platform.example", hostname,
		"/etc/platform/", folder+"/", "127.0.0.1:8080", behind).Replace(guidesNginx(t))
	temporary := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += kind + "_temp_path " + folder + "/" + kind + ";\n"
	}
	config := filepath.Join(folder, "nginx.conf")
	require.NoError(t, os.WriteFile(config, []byte("daemon off;\nmaster_process off;\npid "+folder+"/pid;\nevents {}\n"+
		"http {\naccess_log off;\n"+temporary+server+"}\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), nginx, "-p", folder, "-c", config, "-e", "stderr")
	said := testutil.NewCapture(t)
	cmd.Stderr = said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Wait() // t's context has ended
		if t.Failed() {
			t.Log(said.String())
		}
	})
	testutil.AwaitListener(t, address)
	return address
}

// newBehindNginx returns a platform that workspaces reach by its host name, at
// port 443, where nginx is.
func newBehindNginx(t *testing.T, edit func(o *gateway.Options)) *platform {
	t.Helper()
	p := newPlatform(t, func(_ *platform, o *gateway.Options) {
		o.BaseURL = "https://" + hostname
		if edit != nil {
			edit(o)
		}
	})
	behind := httptest.NewServer(p.Gateway)
	t.Cleanup(behind.Close)
	address := startNginx(t, hostname, behind.Listener.Addr().String(), p.server)
	p.reachAt(t, address)
	return p
}

func TestGitWorksThroughTheGatewayBehindNginx(t *testing.T) {
	p := newBehindNginx(t, nil)
	git, seen := p.newLFS(t), watch(p)
	folder := filepath.Join(t.TempDir(), "widgets")
	git.Run(t, "", "clone", "--quiet", p.github.URL+"/acme/widgets.git", folder)
	content := make([]byte, 5<<20)
	_, _ = rand.Read(content)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "large"), content, 0o600))
	large := commitLarge(t, git, folder)

	_, stderr, err := git.Try(t, folder, "-c", "http.postBuffer=65536", "push", "--no-verify", "origin", "HEAD:main")
	require.Error(t, err)
	require.Contains(t, stderr, "[remote rejected] HEAD -> main (the policy of this workspace doesn't allow a push to refs/heads/main;")
	seen.saw(func(*http.Request) bool { return false })
	git.Run(t, folder, "-c", "http.postBuffer=65536", "push", "--quiet", "origin", "HEAD:refs/heads/agent/one")
	require.True(t, seen.saw(func(r *http.Request) bool {
		return r.ContentLength < 0 && strings.HasSuffix(r.URL.Path, "/git-receive-pack")
	}),
		"it is chunked all the way")
	clone := filepath.Join(t.TempDir(), "clone")
	git.Run(t, "", "clone", "--quiet", "--branch", "agent/one", p.github.URL+"/acme/widgets.git", clone)
	for name, want := range map[string][]byte{"large": content, "a.bin": large} {
		got, err := os.ReadFile(filepath.Join(clone, name))
		require.NoError(t, err)
		require.True(t, slices.Equal(want, got), name)
	}
	p.requireClean(t)
}

// What nginx collects before it passes it on never comes here: each side waits
// until the other has had half.
func TestNginxPassesBodiesOnAsTheyCome(t *testing.T) {
	half := strings.Repeat("x", 100_000)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	p := newBehindNginx(t, func(o *gateway.Options) {
		o.Policy = func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{}, nil
		}
	})
	p.github.Fail(githubapptest.Rule{Path: "/acme/widgets.git/**", Fault: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.ReadFull(r.Body, make([]byte, len(half)))
		select {
		case arrived <- struct{}{}:
		case <-r.Context().Done():
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, half)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-goOn:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, half)
	}})
	body, out := io.Pipe()
	bearer, err := p.key.Issue("ws-1", 0)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", "https://"+hostname+"/acme/widgets.git/git-upload-pack", body)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	go func() {
		_, _ = io.WriteString(out, half)
		<-arrived
		_, _ = io.WriteString(out, half)
		_ = out.Close()
	}()
	resp, err := p.client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	_, err = io.ReadFull(in, make([]byte, len(half)))
	require.NoError(t, err)
	close(goOn)
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Len(t, rest, len(half))
}
