package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

// workspaceDir is a workspace: a folder and an environment in which git runs.
// It notes how each command went that talks to GitHub.
type workspaceDir struct {
	dir    string
	env    []string
	github *githubapptest.Server
	story  *story

	tally tally
	began time.Time // of the command that ran last
}

func (w *workspaceDir) home() string { return w.dir + "-home" }

// credential is where git gets its password from.
type credential struct {
	name string
	args []string // for git
}

var (
	// A workspace without a helper: git takes what is in GH_TOKEN, dead or
	// alive. The first setting turns off what the platform configured. The
	// token is in no argument: the shell that git starts reads the variable.
	withInjectedToken = credential{"the injected token", []string{
		"-c", "credential.helper=",
		"-c", `credential.helper=!f() { test "$1" = get && echo username=x-access-token && echo "password=$GH_TOKEN"; }; f`,
	}}
	// What the platform configured: nothing has to be said.
	withHelper = credential{"the credential helper", nil}
)

// git runs a command that has to succeed.
func (w *workspaceDir) git(ctx context.Context, c credential, args ...string) {
	stderr, err := w.run(ctx, "git", slices.Concat(c.args, args)...)
	if err != nil {
		w.problem(stderr, "git %s with %s: %v", args[0], c.name, err)
		return
	}
	token := w.lastRequest().TokenSHA256
	w.tally.worked(token)
	w.story.tell("workspace", "git %-9s with %s: ok (%s)", args[0], c.name, w.story.token(token))
}

// gitRefused runs a command that GitHub has to refuse.
func (w *workspaceDir) gitRefused(ctx context.Context, c credential, args ...string) {
	stderr, err := w.run(ctx, "git", slices.Concat(c.args, args)...)
	answer := w.lastRequest()
	if err == nil || answer.Status != http.StatusUnauthorized {
		w.problem(stderr, "git %s with %s: %v, status %d, where 401 is due",
			args[0], c.name, err, answer.Status)
		return
	}
	w.tally.refused++
	token := w.story.token(answer.TokenSHA256)
	w.story.tell("workspace", "git %-9s with %s: refused with 401 (%s)", args[0], c.name, token)
	w.story.quote(stderr)
}

// commit makes something to push.
func (w *workspaceDir) commit(ctx context.Context) {
	stderr, err := w.run(ctx, "git", "commit", "--quiet", "--allow-empty", "--message=work goes on")
	if err != nil {
		w.problem(stderr, "git commit: %v", err)
	}
}

// problem tells that the command that ran last went wrong.
func (w *workspaceDir) problem(stderr []string, format string, args ...any) {
	w.tally.problem(format, args...)
	took := time.Since(w.began).Seconds()
	w.story.tell("workspace", "FAILED after %.1f s: %s", took, fmt.Sprintf(format, args...))
	w.story.quote(stderr)
}

// pushed reports whether a branch at GitHub is where the workspace is.
func (w *workspaceDir) pushed(ctx context.Context, branch string) bool {
	here, err := w.command(ctx, "git", "rev-parse", "HEAD").Output()
	if err != nil {
		return false
	}
	dir := w.github.RepositoryDir(repository)
	there, err := w.command(ctx, "git", "--git-dir="+dir, "rev-parse", branch).Output()
	return err == nil && bytes.Equal(here, there)
}

// run runs git, or gh, and returns what it said.
func (w *workspaceDir) run(ctx context.Context, program string, args ...string) (stderr []string, err error) {
	var said bytes.Buffer
	cmd := w.command(ctx, program, args...)
	cmd.Stderr = &said
	w.began = time.Now()
	err = cmd.Run()
	return strings.Split(strings.TrimSpace(said.String()), "\n"), err
}

func (w *workspaceDir) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	cmd.WaitDelay = time.Second // what git started may outlive it, and hold its output open
	return cmd
}

// lastRequest returns the last one in GitHub's log with which git showed a
// token.
func (w *workspaceDir) lastRequest() githubapptest.Request {
	for _, r := range slices.Backward(w.github.Requests()) {
		if r.Git && r.TokenSHA256 != "" {
			return r
		}
	}
	return githubapptest.Request{}
}
