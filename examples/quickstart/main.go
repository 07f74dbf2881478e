// Command quickstart shows what provisionkit is for, in half a minute and on a machine that has only Go and git: a
// workspace is provisioned with a token in its environment, the token dies, and git goes on cloning, fetching and
// pushing, because the workspace pulls fresh tokens from the platform.
//
//	go run ./examples/quickstart
//
// It needs no account, no network and no configuration. GitHub is a fake one, but a real server, and its tokens live
// for seconds instead of an hour; the platform, git and its credential helper are the real ones. The exit code is 1
// if anything went otherwise than told.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
)

const (
	tokenLife = 4 * time.Second // an hour on the real GitHub
	lives     = 3               // for how many of them the workspace works on after its injected token died
	pause     = 1500 * time.Millisecond
	limit     = 30 * time.Second

	repository = "acme/widgets"
)

func main() {
	// A workspace finds this very program under the name of git's credential helper, and then it is that.
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == gitcredential.DefaultCommand {
		os.Exit(workspace.Main())
	}
	if err := quickstart(); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func quickstart() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := exec.LookPath("git"); err != nil {
		return errors.New("git is not on PATH, and this is about git: install it (https://git-scm.com/downloads) and try again")
	}
	dir, err := os.MkdirTemp("", "provisionkit-quickstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return run(ctx, dir)
}

func run(ctx context.Context, dir string) error {
	story := newStory(os.Stdout, "provisionkit: a workspace outlives its token")

	story.chapter("A platform, and a GitHub whose tokens live %s instead of an hour", tokenLife)
	github, err := githubapptest.NewServer(&githubapptest.Options{TLS: true, TokenLife: tokenLife})
	if err != nil {
		return err
	}
	defer github.Close()
	app, err := github.SetUp(repository)
	if err != nil {
		return err
	}
	story.tell("github", "serves %s", app.GitURLs[0])
	helper, err := linkHelper(dir)
	if err != nil {
		return err
	}
	p, err := startPlatform(github, app, helper, story)
	if err != nil {
		return err
	}
	defer p.stop()

	story.chapter("It provisions a workspace")
	ws, err := p.provision(ctx, "ws-1", dir, github)
	if err != nil {
		return err
	}
	injected, _ := tokenprovider.StatusOf(p.registry.FirstTokenProvider())
	story.tell("workspace", "starts in %s", ws.dir)
	story.tell("workspace", "has %s in GH_TOKEN, and nobody can ever put another one there", story.token(injected.TokenSHA256))

	story.chapter("The injected token works, and dies")
	ws.git(ctx, withInjectedToken, "clone", app.GitURLs[0], ".")
	if err := sleep(ctx, time.Until(injected.ExpiresAt)); err != nil {
		return err
	}
	story.tell("workspace", "%s has expired", story.token(injected.TokenSHA256))
	ws.gitRefused(ctx, withInjectedToken, "ls-remote", "origin")

	story.chapter("The workspace goes on, with tokens that git's credential helper pulls")
	until := time.Now().Add(lives * tokenLife)
	for len(ws.tally.problems) == 0 && (time.Now().Before(until) || len(ws.tally.tokens) <= lives) {
		ws.git(ctx, withHelper, "fetch", "origin")
		ws.commit(ctx)
		ws.git(ctx, withHelper, "push", "origin", "HEAD:main")
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}

	story.chapter("Summary")
	return summarize(ctx, story, github, ws, p, injected.TokenSHA256)
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
