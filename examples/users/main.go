// Command users shows workspaces that act in their owner's name. A person signs
// in to the platform once, by OAuth 2's device flow; their workspace then
// commits, pushes and opens a pull request as that person, and goes on when the
// first access token is dead.
//
//	go -C examples/users run .
//
// It needs Go and git. GitHub is a fake one, but a real server, at which the
// person approves at once; with -by-hand whoever runs the example does that in a
// browser. With GITLAB_URL and GITLAB_CLIENT_ID it is a GitLab, and the argument
// a project of it, which gets a branch and a merge request.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
)

// person is who somebody is at the forge.
type person struct{ login, name, email string }

// limit bounds the whole example, with the time that a person takes to approve.
const limit = 15 * time.Minute

func main() {
	if local.IsHelper() {
		os.Exit(workspace.Main())
	}
	byHand := flag.Bool("by-hand", false, "sign in to the fake GitHub in a browser")
	flag.Parse()
	if err := start(*byHand, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "users:", err)
		os.Exit(1)
	}
}

func start(byHand bool, project string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if address := os.Getenv("GITLAB_URL"); address != "" {
		f, err := newGitLab(address, os.Getenv("GITLAB_CLIENT_ID"), project)
		if err != nil {
			return err
		}
		return run(ctx, f)
	}
	f, err := startGitHub(byHand)
	if err != nil {
		return err
	}
	defer f.Close()
	return run(ctx, f)
}

func run(ctx context.Context, f forge) (err error) {
	dir, err := os.MkdirTemp("", "users-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := startPlatform(f, dir)
	if err != nil {
		return err
	}
	defer p.server.Close()

	who, err := p.signIn(ctx, "owner-1")
	if err != nil {
		return err
	}
	fmt.Printf("owner-1 is %s at %s\n", who.login, f.Name())

	ws, err := p.provision(ctx, "ws-1", dir)
	if err != nil {
		return err
	}
	if err := ws.git(ctx, "clone", "--quiet", f.GitURL(), "."); err != nil {
		return err
	}
	branch := fmt.Sprintf("hello-%d", time.Now().Unix())
	if err := ws.change(ctx, branch); err != nil {
		return err
	}
	proposal, err := f.Propose(ctx, ws.client(), branch, "Say hello")
	if err != nil {
		return err
	}
	fmt.Printf("ws-1 opened %s, which is %s's\n", proposal.page, proposal.login)

	if left := time.Until(p.expiry("owner-1")); left < time.Minute { // as at the fake, where it lives for seconds
		time.Sleep(left)
		if err := ws.git(ctx, "push", "--quiet", "origin", "HEAD:"+branch+"-again"); err != nil {
			return err
		}
		fmt.Println("ws-1 pushed again, when its owner's first access token was dead")
	}

	ws, err = p.provision(ctx, "ws-2", dir)
	if err != nil {
		return err
	}
	_, _, err = ws.tokens.Token(ctx)
	fmt.Printf("ws-2 gets no token, since owner-2 hasn't signed in: %s\n", tokenprovider.CodeOf(err))
	return nil
}
