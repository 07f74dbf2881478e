package fleet_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

const (
	replicas      = 3
	appID         = 7
	endpointURL   = "https://platform.example"
	gatewayHost   = "github.platform.example"
	webhookSecret = "webhooks"

	// GitHub's limits: of an app and of an installation in an hour, and what is
	// known of mints in a minute.
	requestsPerHour = 5000
	mintsPerMinute  = 180
	latency         = 300 * time.Millisecond // of GitHub's answers
)

// permissions are what tokens are for. Those that an organisation has in common
// are of two scopes, and a workspace's own one can be told from them.
var permissions = [kinds]map[string]string{
	sharing: {"contents": "write"},
	owning:  {"contents": "write", "pull_requests": "write"},
	behind:  {"contents": "read"},
}

// shared is how many scopes of an organisation's are those of many workspaces.
const shared = 2

func installationID(organisation int) int64 { return int64(1000 + organisation) }
func owner(organisation int) string         { return fmt.Sprint("org", organisation) }
func repository(organisation int) string    { return owner(organisation) + "/app" }

// platform is one of three replicas, with a GitHub of its own.
type platform struct {
	github        *githubapptest.Server
	organisations int
	keyFile       string
	store         *store
	records       records
	limited       func(time.Duration)
	running       [replicas]atomic.Pointer[replica]

	deliveries sync.Mutex
	delivered  int  // so many
	deaf       bool // what is delivered is lost
}

// replica is what is gone when its process ends.
type replica struct {
	app        *githubapp.App
	registries [kinds]*provisionhook.Registry
	endpoints  [kinds]http.Handler // none for those behind the gateway
	gateway    http.Handler
	webhooks   http.Handler
}

func newPlatform(t *testing.T, organisations int, limited func(time.Duration)) *platform {
	github, err := githubapptest.NewServer(&githubapptest.Options{
		InMemory: true, Latency: latency, MintsPerMinute: mintsPerMinute,
	})
	require.NoError(t, err)
	t.Cleanup(github.Close)
	github.SetRateLimit(requestsPerHour)
	github.AddApp(githubapptest.App{
		ID: appID, Keys: []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey}, Permissions: permissions[owning],
	})
	for n := range organisations {
		github.AddInstallation(githubapptest.Installation{
			ID: installationID(n), AppID: appID, Account: owner(n), Repositories: []string{repository(n)},
		})
	}
	p := &platform{
		github: github, organisations: organisations, keyFile: filepath.Join(t.TempDir(), "app.pem"),
		limited: limited, store: &store{Store: tokenprovidertest.NewStore()},
	}
	github.SetWebhook(appID, githubapptest.Webhook{
		URL: endpointURL + "/webhooks", Secret: webhookSecret, Client: &http.Client{Transport: p},
	})
	require.NoError(t, os.WriteFile(p.keyFile, testutil.RSAKeyPEM(t, 0), 0o600))
	for n := range replicas {
		p.restart(t, n)
	}
	return p
}

func (p *platform) replica(n int) *replica { return p.running[n].Load() }

// witness tells of each mint that GitHub refuses for their number.
type witness struct {
	http.RoundTripper
	limited func(time.Duration)
}

func (w witness) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.RoundTripper.RoundTrip(r)
	if err == nil && answer.StatusCode == http.StatusForbidden {
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
			w.limited(time.Duration(seconds) * time.Second)
		}
	}
	return answer, err
}

// RoundTrip hands a delivery to one of the replicas.
func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.deaf {
		return nil, errors.New("it was lost")
	}
	answer := httptest.NewRecorder()
	p.replica(p.delivered%replicas).webhooks.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// restart replaces a replica by one that knows nothing.
func (p *platform) restart(t *testing.T, n int) {
	app, err := githubapp.New(githubapp.Options{
		AppID: appID, KeyFile: p.keyFile, BaseURL: p.github.URL, HTTPClient: &http.Client{Transport: witness{p.github.Client().Transport, p.limited}},
		Store: p.store, SealKeys: [][]byte{bytes.Repeat([]byte{7}, 32)},
	})
	require.NoError(t, err)
	webhooks, err := app.WebhookHandler([]byte(webhookSecret))
	require.NoError(t, err)
	key, err := tokenhttp.NewWorkspaceKey(bytes.Repeat([]byte{8}, 32))
	require.NoError(t, err)
	r := &replica{app: app, webhooks: webhooks}
	p.addEndpoints(t, r, key)
	p.addGateway(t, r, key)
	p.running[n].Store(r)
}

// addEndpoints adds what serves tokens, to those who share them and to those who
// have their own.
func (p *platform) addEndpoints(t *testing.T, r *replica, key *tokenhttp.WorkspaceKey) {
	allowed := func(_ context.Context, id string) ([]string, error) {
		w, ok := p.records.find(id)
		if !ok {
			return nil, unknown
		}
		return []string{repository(w.organisation)}, nil
	}
	git, err := gitcredential.NewMutator(nil)
	require.NoError(t, err)
	for kind, opts := range map[kind]*githubapp.MutatorOptions{
		sharing: {Name: "shared", ShareTokens: true, EnvNames: []string{}},
		owning:  {Name: "own"},
	} {
		policy, err := githubapp.Repositories(r.app, allowed, permissions[kind])
		require.NoError(t, err)
		tokens, err := githubapp.NewWorkspaceMutator(r.app, policy, opts)
		require.NoError(t, err)
		registry := provisionhook.NewRegistry()
		endpoint, err := tokenhttp.NewHandler(tokenhttp.PerWorkspace(registry), key,
			&tokenhttp.Options{Admit: p.admit})
		require.NoError(t, err)
		wiring, err := endpoint.Mutator(tokenhttp.MutatorOptions{BaseURL: endpointURL, Key: key})
		require.NoError(t, err)
		registry.Register(tokens, wiring, git)
		r.registries[kind], r.endpoints[kind] = registry, endpoint
	}
}

func (p *platform) addGateway(t *testing.T, r *replica, key *tokenhttp.WorkspaceKey) {
	hub, err := forge.GitHub(p.github.URL + "/api/v3")
	require.NoError(t, err)
	gw, err := gateway.New(gateway.Options{
		BaseURL: "https://" + gatewayHost, Forge: hub, Auth: key, Admit: p.admit, Transport: p.github.Client().Transport,
		Policy: func(ctx context.Context, who tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			w, ok := p.records.find(who.WorkspaceID)
			if !ok || op.Repository != repository(w.organisation) {
				return gateway.Grant{}, &gateway.Refusal{Message: "that is no repository of this workspace"}
			}
			found, err := r.app.FindInstallation(ctx, owner(w.organisation))
			if err != nil {
				return gateway.Grant{}, err
			}
			return gateway.Grant{Provider: r.app.Installation(found.ID, githubapp.Scope{
				Repositories: []string{"app"}, Permissions: permissions[behind],
			})}, nil
		},
	})
	require.NoError(t, err)
	wiring, err := gw.Mutator(gateway.MutatorOptions{Key: key})
	require.NoError(t, err)
	r.registries[behind], r.gateway = provisionhook.NewRegistry(), gw
	r.registries[behind].Register(wiring)
}

// records are the platform's own, of the workspaces that there are.
type records struct{ all sync.Map }

type record struct {
	organisation int
	started      time.Time
}

func (r *records) add(w *workspace) { r.all.Store(w.id, record{w.organisation, w.started}) }
func (r *records) remove(id string) { r.all.Delete(id) }
func (r *records) find(id string) (record, bool) {
	found, ok := r.all.Load(id)
	if !ok {
		return record{}, false
	}
	return found.(record), true
}

// store is what the replicas share, and can be away.
type store struct {
	tokenprovider.Store
	away atomic.Bool
}

var errAway = errors.New("the store is away")

func (s *store) Load(ctx context.Context, key string) ([]byte, error) {
	if s.away.Load() {
		return nil, errAway
	}
	return s.Store.Load(ctx, key)
}

func (s *store) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.away.Load() {
		return false, errAway
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}
