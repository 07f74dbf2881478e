package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gitWorker is a person or an agent in a workspace, who clones, fetches and
// pushes with the real git.
type gitWorker struct {
	ws   *workspace
	dir  string // all that it has
	vars map[string]string
	env  []string // of vars
	turn int
}

func (ws *workspace) newGitWorker(env map[string]string) (worker, error) {
	g := &gitWorker{ws: ws, dir: env["HOME"], vars: env}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return nil, err
	}
	for name, value := range env {
		g.env = append(g.env, name+"="+value)
	}
	return g, nil
}

// environment returns what the workspace has before any plugin: nothing of this
// machine's but PATH, and nobody's credentials.
func (ws *workspace) environment() map[string]string {
	home := filepath.Join(ws.dir, fmt.Sprintf("%s.%d", ws.id, ws.starts))
	trusted := ws.certificate
	if ws.behind {
		trusted = ws.authority.file
	}
	return map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": home, "XDG_CONFIG_HOME": home,
		"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_SSL_CAINFO": trusted, "LC_ALL": "C",
		"NO_PROXY": "127.0.0.1", "GIT_AUTHOR_NAME": "Agent", "GIT_AUTHOR_EMAIL": "agent@example.com",
		"GIT_COMMITTER_NAME": "Agent", "GIT_COMMITTER_EMAIL": "agent@example.com",
	}
}

func (g *gitWorker) work(ctx context.Context) operation {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	clone := filepath.Join(g.dir, "clone")
	if _, err := os.Stat(filepath.Join(clone, ".git", "HEAD")); err != nil {
		return g.git(ctx, cloning, g.dir, "clone", "--quiet", g.ws.forge.URL+"/"+g.ws.repository()+".git", clone)
	}
	if g.turn++; g.ws.behind && g.turn%3 == 0 {
		return g.call(ctx)
	}
	if g.turn%2 == 0 {
		return g.git(ctx, fetching, clone, "fetch", "--quiet")
	}
	if o := g.git(ctx, pushing, clone, "commit", "--quiet", "--allow-empty", "--message=work goes on"); o.err != nil {
		return o
	}
	return g.git(ctx, pushing, clone, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/work")
}

func (g *gitWorker) git(ctx context.Context, what action, dir string, args ...string) operation {
	if g.ws.behind {
		what = map[action]action{cloning: cloningBehind, fetching: fetchingBehind, pushing: pushingBehind}[what]
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, g.env, &said, &said
	err := cmd.Run()
	if said.Len() > 0 {
		line := strings.ReplaceAll(strings.TrimSpace(said.String()), "\n", " | ")
		fmt.Fprintf(g.ws.journal, "%s: git %s: %s\n", g.ws.id, args[0], line)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.TrimSpace(said.String()), err)
		return operation{what: what, err: err, said: reason(said.String()), hung: ctx.Err() != nil}
	}
	return operation{what: what}
}

// reason returns what git's standard error says of the cause, in the words of
// the API's codes.
func reason(stderr string) string {
	switch {
	case strings.Contains(stderr, "git-credential-provisionkit: "):
		return toldByHelper
	case strings.Contains(stderr, "returned error: 50"):
		return toldByGateway
	case strings.Contains(stderr, "Authentication failed"), strings.Contains(stderr, "returned error: 401"):
		return refused
	case strings.Contains(stderr, "returned error: 403"):
		return forbidden
	case strings.Contains(stderr, "cannot lock ref"):
		return overtaken
	}
	for _, words := range []string{"to connect", "t connect", "onnection", "RPC failed", "early EOF", "Empty reply", "disconnect"} {
		if strings.Contains(stderr, words) {
			return broken
		}
	}
	return ""
}

func (g *gitWorker) stop() { _ = os.RemoveAll(g.dir) }
