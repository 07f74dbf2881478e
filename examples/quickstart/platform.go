package main

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// platform is what starts workspaces: the plugins that change their
// environment, and the endpoint that they pull tokens from. See
// examples/platform for it as a server.
type platform struct {
	registry    *provisionhook.Registry // of workspaces that pull their tokens
	server      *http.Server
	behind      *provisionhook.Registry // of those behind the gateway
	gateway     *local.Server
	certificate string // the file of GitHub's
	story       *story

	running          sync.Map     // the workspaces that it started
	issues, refusals atomic.Int64 // of the endpoint
}

func startPlatform(
	github *githubapptest.Server, setup *githubapptest.Setup, helper string, life time.Duration,
	story *story, dir string,
) (*platform, error) {
	p := &platform{registry: provisionhook.NewRegistry(), certificate: filepath.Join(dir, "github.pem"), story: story}
	if err := os.WriteFile(p.certificate, github.CertPEM(), 0o600); err != nil {
		return nil, err
	}

	// The GitHub App: its key stays here. A new token may replace one that is
	// still alive after a tenth of its life, where the default is 5 s, which is
	// more than these tokens have.
	app, err := githubapp.New(githubapp.Options{
		AppID:      setup.AppID,
		PrivateKey: setup.PrivateKey(),
		BaseURL:    github.URL,
		HTTPClient: github.Client(),
		Cache:      tokenprovider.CacheOptions{Settle: life / 10},
	})
	if err != nil {
		return nil, err
	}

	// The endpoint: whoever has the bearer of a workspace gets that workspace's
	// token.
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	key, err := tokenhttp.NewWorkspaceKey(secret)
	if err != nil {
		return nil, err
	}
	source := tokenhttp.FirstProvider(p.registry)
	endpoint, err := tokenhttp.NewHandler(source, key, &tokenhttp.Options{Admit: p.admit, Audit: p.audit})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	endpoint.Mount(mux)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	baseURL := "http://" + listener.Addr().String()

	// The plugins: GH_TOKEN, where fresh tokens are, and a git that asks for
	// them.
	githubURL, err := url.Parse(github.URL)
	if err != nil {
		return nil, err
	}
	whereToPull, err := endpoint.Mutator(tokenhttp.MutatorOptions{BaseURL: baseURL, Key: key})
	if err != nil {
		return nil, err
	}
	git, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{
		Hosts: []string{githubURL.Host}, Command: helper,
	})
	if err != nil {
		return nil, err
	}
	installation := app.Installation(setup.InstallationID)
	if err := p.addGateway(github, installation, key, dir); err != nil {
		return nil, err
	}
	token := githubapp.NewMutator(installation, nil)
	p.registry.Register(token, whereToPull, git)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(listener) }() // until stop
	story.tell("platform", "has the plugins %s", strings.Join(p.registry.Names(), ", "))
	story.tell("platform", "serves tokens to workspaces at %s", baseURL)
	return p, nil
}

func (p *platform) stop() {
	_ = p.server.Close()
	p.gateway.Close()
}

// admit refuses the bearer of a workspace that doesn't run: it has no other end.
func (p *platform) admit(_ context.Context, who tokenhttp.Principal) error {
	if _, ok := p.running.Load(who.WorkspaceID); !ok {
		return tokenhttp.ErrForbidden
	}
	return nil
}

// audit tells what the endpoint answers.
func (p *platform) audit(_ context.Context, r tokenhttp.AuditRecord) {
	if r.Code != "" {
		p.refusals.Add(1)
		p.story.tell("endpoint", "refused a token to %q: %s", r.RequestedID, r.Code)
		return
	}
	p.issues.Add(1)
	p.story.tell("endpoint", "issued %s to %s, with %.1f s to live",
		p.story.token(r.TokenSHA256), r.Principal.WorkspaceID, time.Until(r.ExpiresAt).Seconds())
}

// provision makes a workspace in dir: its folders, and the environment that a
// registry's plugins give it.
func (p *platform) provision(
	ctx context.Context, registry *provisionhook.Registry, id, dir string, github *githubapptest.Server, caFile string,
) (*workspaceDir, error) {
	p.running.Store(id, true)
	ws := &workspaceDir{dir: filepath.Join(dir, id), github: github, story: p.story}
	for _, folder := range []string{ws.dir, ws.home()} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	plan, err := registry.Plan(ctx, id, local.Env(ws.home(), caFile))
	if err != nil {
		return nil, err
	}
	ws.env = plan.Environ()
	for _, name := range registry.Names() {
		p.story.tell("platform", "%s sets %s", name, strings.Join(keysOf(plan.Changes, name), ", "))
	}
	return ws, nil
}

// keysOf returns the variables that one plugin changed, and those in which git
// reads its configuration as one.
func keysOf(changes []provisionhook.Change, mutator string) []string {
	var keys []string
	for _, c := range changes {
		if c.Mutator != mutator {
			continue
		}
		if strings.HasPrefix(c.Key, "GIT_CONFIG_") {
			c.Key = "GIT_CONFIG_*"
		}
		keys = append(keys, c.Key)
	}
	return slices.Compact(keys)
}
