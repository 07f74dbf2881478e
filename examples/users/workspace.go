package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// workspaceDir is a workspace: a folder, and an environment that has no token in
// it but the address of one.
type workspaceDir struct {
	platform *platform
	dir      string
	env      []string
	tokens   *tokenhttp.Client
}

// provision makes a workspace below dir, with the environment that the
// platform's plugins give it.
func (p *platform) provision(ctx context.Context, id, dir string) (*workspaceDir, error) {
	ws := &workspaceDir{platform: p, dir: filepath.Join(dir, id)}
	home := ws.dir + "-home"
	for _, folder := range []string{ws.dir, home} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	env, err := p.plainEnv(home, filepath.Join(dir, "forge.pem"))
	if err != nil {
		return nil, err
	}
	plan, err := p.registry.Plan(ctx, id, env)
	if err != nil {
		return nil, err
	}
	ws.env = plan.Environ()
	ws.tokens = &tokenhttp.Client{URL: plan.Env[tokenhttp.EnvURL], Bearer: tokenprovider.Static(plan.Env[tokenhttp.EnvBearer])}
	return ws, nil
}

// plainEnv returns a workspace's environment before any plugin, with what it
// takes to trust the forge.
func (p *platform) plainEnv(home, certificate string) (map[string]string, error) {
	env := local.Env(home, certificate)
	if pem := p.forge.CertPEM(); pem != nil {
		return env, os.WriteFile(certificate, pem, 0o600)
	}
	for _, name := range []string{"GIT_SSL_CAINFO", "SSL_CERT_FILE"} {
		delete(env, name)
		if value := os.Getenv(name); value != "" { // this machine's authorities
			env[name] = value
		}
	}
	return env, nil
}

// git runs git.
func (w *workspaceDir) git(ctx context.Context, args ...string) error {
	_, err := w.output(ctx, args...)
	return err
}

func (w *workspaceDir) output(ctx context.Context, args ...string) (string, error) {
	var said strings.Builder
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env, cmd.Stderr = w.dir, w.env, &said
	cmd.WaitDelay = time.Second // what git started may outlive it, and hold its output open
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// change commits a file and pushes it as a branch.
func (w *workspaceDir) change(ctx context.Context, branch string) error {
	if err := os.WriteFile(filepath.Join(w.dir, branch+".txt"), []byte("hello\n"), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"add", "."}, {"commit", "--quiet", "--message", "Say hello"}, {"push", "--quiet", "origin", "HEAD:" + branch},
	} {
		if err := w.git(ctx, args...); err != nil {
			return err
		}
	}
	author, err := w.output(ctx, "log", "-1", "--format=%an <%ae>")
	if err != nil {
		return err
	}
	fmt.Printf("ws-1 pushed a commit by %s\n", author)
	return nil
}

// client returns what a program in the workspace would use for the forge's API:
// it pulls its token from the platform, as git's helper does.
func (w *workspaceDir) client() *http.Client { return w.platform.clientOf(w.tokens) }
