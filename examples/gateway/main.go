// Command gateway shows a workspace that works with GitHub and never has a token
// of it: the platform answers under a host name of its own as if it were GitHub.
// It needs git and no account; the GitHub behind it is a fake.
//
//	go run ./examples/gateway
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	github, err := githubapptest.NewServer(&githubapptest.Options{TLS: true})
	if err != nil {
		return err
	}
	defer github.Close()
	dir, err := os.MkdirTemp("", "gateway-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := startPlatform(github, dir)
	if err != nil {
		return err
	}
	defer p.stop()

	ws, err := p.start(ctx, "ws-1", dir)
	if err != nil {
		return err
	}
	fmt.Println("A workspace and what it may:")
	ws.git(ctx, "clone", github.URL+"/acme/widgets.git", ".")
	ws.git(ctx, "commit", "--allow-empty", "--message=Work")
	ws.git(ctx, "push", "origin", "HEAD:refs/heads/agent/fix")
	if why := p.server.WhyNoGH(); why != "" {
		fmt.Println("  gh isn't shown:", why)
	} else {
		ws.run(ctx, "gh", "api", "repos/acme/widgets")
	}
	fmt.Println("What it may not:")
	ws.git(ctx, "push", "origin", "HEAD:refs/heads/main")
	ws.git(ctx, "ls-remote", github.URL+"/acme/secrets.git")
	fmt.Println("What it has:")
	fmt.Printf("  tokens of GitHub in its environment and files: %d\n", local.Tokens(ws.env, ws.dir))
	p.release("ws-1")
	fmt.Println("After its release:")
	ws.git(ctx, "fetch", "origin")
	return nil
}

// workspace is a folder and an environment in which git and gh run.
type workspace struct {
	dir string
	env []string
}

func (w *workspace) git(ctx context.Context, args ...string) { w.run(ctx, "git", args...) }

// run runs git or gh and tells what came of it.
func (w *workspace) run(ctx context.Context, program string, args ...string) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = filepath.Join(w.dir, "work"), w.env
	said, err := cmd.CombinedOutput()
	if err == nil {
		fmt.Printf("  %s %s: ok\n", program, args[0])
		return
	}
	for line := range strings.Lines(string(said)) {
		if strings.Contains(line, "remote") { // what the gateway says, as git shows it
			fmt.Printf("  %s %s: %s\n", program, args[0], strings.TrimSpace(line))
			return
		}
	}
	fmt.Printf("  %s %s: %s\n", program, args[0], strings.TrimSpace(string(said)))
}
