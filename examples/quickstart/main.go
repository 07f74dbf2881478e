// Command quickstart shows what provisionkit is for, in half a minute and on a
// machine that has only Go and git. One workspace clones and pushes through the
// platform's gateway, and never has a token. Another one is provisioned with a
// token in its environment, the token dies, and git goes on cloning, fetching and
// pushing, because the workspace pulls fresh tokens from the platform.
//
//	go run ./examples/quickstart
//
// It needs no account, no network and no configuration. GitHub is a fake one,
// but a real server, and its tokens live for seconds instead of an hour; the
// platform, git and its credential helper are the real ones. The exit code is 1
// if anything went otherwise than told.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
)

const (
	tokenLife = 4 * time.Second // an hour on the real GitHub
	lives     = 2               // for which the workspace works on after its injected token died
	limit     = time.Minute     // a machine may have other things to do

	repository = "acme/widgets"
)

func main() {
	if local.IsHelper() {
		os.Exit(workspace.Main())
	}
	exit(quickstart(tokenLife))
}

// exit ends the program, with what went wrong.
func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// quickstart tells the story with tokens of that life.
func quickstart(life time.Duration) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := exec.LookPath("git"); err != nil {
		return errors.New("git is not on PATH, and this is about git: " +
			"install it (https://git-scm.com/downloads) and try again")
	}
	dir, err := os.MkdirTemp("", "provisionkit-quickstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return run(ctx, dir, life)
}

func run(ctx context.Context, dir string, life time.Duration) error {
	story := newStory(os.Stdout, "provisionkit: a workspace without a token, and one that outlives its token")

	story.chapter("A platform, and a GitHub whose tokens live %s instead of an hour", life)
	github, err := githubapptest.NewServer(&githubapptest.Options{TLS: true, TokenLife: life})
	if err != nil {
		return err
	}
	defer github.Close()
	app, err := github.SetUp(repository)
	if err != nil {
		return err
	}
	story.tell("github", "serves %s", app.GitURLs[0])
	helper, err := local.LinkHelper(dir)
	if err != nil {
		return err
	}
	p, err := startPlatform(github, app, helper, life, story, dir)
	if err != nil {
		return err
	}
	defer p.stop()

	story.chapter("A workspace behind the platform's gateway, which adds the token outside")
	behind, err := p.provision(ctx, p.behind, "ws-1", dir, github, p.gateway.CAFile)
	if err != nil {
		return err
	}
	p.withoutToken(ctx, behind, app.GitURLs[0])
	passed := len(github.Requests())

	story.chapter("A workspace that talks to GitHub itself, and pulls its tokens")
	ws, err := p.provision(ctx, p.registry, "ws-2", dir, github, p.certificate)
	if err != nil {
		return err
	}
	injected, _ := tokenprovider.StatusOf(p.registry.FirstTokenProvider())
	story.tell("workspace", "starts in %s", ws.dir)
	dead := story.token(injected.TokenSHA256)
	story.tell("workspace", "has %s in GH_TOKEN, and nobody can ever put another one there", dead)

	story.chapter("The injected token works, and dies")
	ws.git(ctx, withInjectedToken, "clone", app.GitURLs[0], ".")
	if err := sleep(ctx, time.Until(injected.ExpiresAt)); err != nil {
		return err
	}
	story.tell("workspace", "%s has expired", dead)
	ws.gitRefused(ctx, withInjectedToken, "ls-remote", "origin")

	story.chapter("It goes on, with tokens that git's credential helper pulls")
	until := time.Now().Add(lives * life)
	for len(ws.tally.problems) == 0 && (time.Now().Before(until) || len(ws.tally.tokens) <= lives) {
		ws.git(ctx, withHelper, "fetch", "origin")
		ws.commit(ctx)
		ws.git(ctx, withHelper, "push", "origin", "HEAD:main")
		if err := sleep(ctx, life*3/8); err != nil {
			return err
		}
	}

	story.chapter("Summary")
	return summarize(ctx, story, github, p, behind, passed, ws, injected.TokenSHA256)
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stopped before the end: %w", context.Cause(ctx))
	}
}
