package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// addGateway has the platform answer under a host name of its own as if it were
// GitHub. See examples/gateway for a policy of several repositories.
func (p *platform) addGateway(
	github *githubapptest.Server, installation *githubapp.Installation, key *tokenhttp.WorkspaceKey, dir string,
) error {
	hub, err := forge.GitHub(github.URL + "/api/v3") // "" is github.com
	if err != nil {
		return err
	}
	allow, err := gateway.AllowRefs("refs/heads/agent/*")
	if err != nil {
		return err
	}
	p.gateway = local.Listen()
	gw, err := gateway.New(gateway.Options{
		BaseURL: p.gateway.URL, Forge: hub, Auth: key, Admit: p.admit, Transport: github.Client().Transport,
		Policy: func(_ context.Context, _ tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: installation}, allow(op)
		},
	})
	if err != nil {
		return err
	}
	wiring, err := gw.Mutator(gateway.MutatorOptions{Key: key})
	if err != nil {
		return err
	}
	p.behind = provisionhook.NewRegistry()
	p.behind.Register(wiring)
	p.story.tell("platform", "stands before GitHub at %s", p.gateway.URL)
	return p.gateway.Start(gw, dir)
}

// throughGateway is all that a workspace behind the gateway has.
var throughGateway = credential{"its bearer alone", nil}

// withoutToken tells of a workspace behind the gateway.
func (p *platform) withoutToken(ctx context.Context, ws *workspaceDir, url string) {
	ws.git(ctx, throughGateway, "clone", url, ".")
	ws.commit(ctx)
	ws.git(ctx, throughGateway, "push", "origin", "HEAD:refs/heads/agent/fix")
	ws.gitRejected(ctx, throughGateway, "push", "origin", "HEAD:main")
	if why := p.gateway.WhyNoGH(); why != "" {
		ws.story.tell("workspace", "gh isn't shown: %s", why)
	} else {
		ws.gh(ctx, "api", "repos/"+repository)
	}
	tokens := local.Tokens(ws.env, ws.dir, ws.home())
	ws.story.tell("workspace", "has %d tokens of GitHub in its environment and files", tokens)
	if tokens > 0 {
		ws.tally.problem("a workspace behind the gateway has a token")
	}
}

// gitRejected runs a push that the gateway's policy has to refuse.
func (w *workspaceDir) gitRejected(ctx context.Context, c credential, args ...string) {
	stderr, err := w.run(ctx, "git", slices.Concat(c.args, args)...)
	said := slices.DeleteFunc(stderr, func(line string) bool { return !strings.Contains(line, "[remote rejected]") })
	if err == nil || len(said) == 0 {
		w.problem(stderr, "git %s with %s: %v, where the policy refuses it", args[0], c.name, err)
		return
	}
	w.tally.refused++
	w.story.tell("workspace", "git %-9s with %s: refused by the platform's policy", args[0], c.name)
	w.story.quote(said)
}

// gh runs a command of gh's that has to succeed.
func (w *workspaceDir) gh(ctx context.Context, args ...string) {
	if stderr, err := w.run(ctx, "gh", args...); err != nil {
		w.problem(stderr, "gh %s: %v", args[0], err)
		return
	}
	w.story.tell("workspace", "gh %-10s with %s: ok", args[0], throughGateway.name)
}

// throughGateway tells what went through the gateway, by git's exit codes.
func (t *tally) throughGateway() string {
	return fmt.Sprintf("%d: %d succeeded, %d refused by the policy", t.succeeded+t.refused, t.succeeded, t.refused)
}
