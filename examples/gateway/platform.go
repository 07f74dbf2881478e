package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// platform starts workspaces and is their GitHub.
type platform struct {
	registry *provisionhook.Registry
	server   *local.Server // a real one has a host name, and a certificate for it

	mu      sync.Mutex
	running map[string]bool
}

func startPlatform(github *githubapptest.Server, dir string) (*platform, error) {
	setup, err := github.SetUp("acme/widgets", "acme/secrets")
	if err != nil {
		return nil, err
	}
	github.AddInstallation(githubapptest.Installation{ // whose account grants what the policy needs
		ID: setup.InstallationID, AppID: setup.AppID, Account: "acme",
		Permissions: map[string]string{"contents": "write", "pull_requests": "write"},
	})
	app, err := githubapp.New(githubapp.Options{
		ClientID: setup.ClientID, PrivateKey: setup.PrivateKey(), BaseURL: github.URL, HTTPClient: github.Client(),
	})
	if err != nil {
		return nil, err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	key, err := tokenhttp.NewWorkspaceKey(secret)
	if err != nil {
		return nil, err
	}
	hub, err := forge.GitHub(github.URL + "/api/v3") // "" is github.com
	if err != nil {
		return nil, err
	}
	policy, err := newPolicy(app.Installation(setup.InstallationID))
	if err != nil {
		return nil, err
	}
	p := &platform{registry: provisionhook.NewRegistry(), running: map[string]bool{}, server: local.Listen()}
	gw, err := gateway.New(gateway.Options{
		BaseURL: p.server.URL, Forge: hub, Auth: key, Admit: p.admit, Policy: policy,
		Transport: github.Client().Transport, // nil for the real GitHub
	})
	if err != nil {
		return nil, err
	}
	mutator, err := gw.Mutator(gateway.MutatorOptions{Key: key})
	if err != nil {
		return nil, err
	}
	p.registry.Register(mutator)
	return p, p.server.Start(gw, dir)
}

// newPolicy lets a workspace work on acme/widgets and push to branches of its
// own.
func newPolicy(installation *githubapp.Installation) (gateway.Policy, error) {
	allow, err := gateway.AllowRefs("refs/heads/agent/*")
	if err != nil {
		return nil, err
	}
	// The tokens are for that repository alone: a policy can't see what is below the
	// fields of a GraphQL query.
	scoped := func(permissions map[string]string) *githubapp.Installation {
		return installation.Scoped(githubapp.Scope{Repositories: []string{"widgets"}, Permissions: permissions})
	}
	grant := gateway.GitAndAPI(
		scoped(map[string]string{"contents": "write"}),
		scoped(map[string]string{"contents": "read", "pull_requests": "write"}),
	)
	return func(_ context.Context, p tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
		if op.Repository != "acme/widgets" {
			return gateway.Grant{}, &gateway.Refusal{Message: fmt.Sprintf("%s works on acme/widgets", p.WorkspaceID)}
		}
		return grant(op), allow(op)
	}, nil
}

// admit refuses a workspace that doesn't run: nothing else ends its bearer.
func (p *platform) admit(_ context.Context, who tokenhttp.Principal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running[who.WorkspaceID] {
		return tokenhttp.ErrForbidden
	}
	return nil
}

// start makes a workspace in dir: its folder, and the environment that the
// plugin gives it.
func (p *platform) start(ctx context.Context, id, dir string) (*workspace, error) {
	p.mu.Lock()
	p.running[id] = true
	p.mu.Unlock()
	home := filepath.Join(dir, id)
	if err := os.MkdirAll(filepath.Join(home, "work"), 0o700); err != nil {
		return nil, err
	}
	plan, err := p.registry.Plan(ctx, id, local.Env(home, p.server.CAFile))
	if err != nil {
		return nil, err
	}
	return &workspace{dir: home, env: plan.Environ()}, nil
}

// release ends a workspace: its next request is refused.
func (p *platform) release(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, id)
}

func (p *platform) stop() { p.server.Close() }
