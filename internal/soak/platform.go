package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/redis/go-redis/v9"
)

// replica is one of the platform: its app, its registries, and an endpoint and a
// gateway that can be stopped and started again where workspaces know them. All
// replicas have the same keys.
type replica struct {
	addr   string
	own    *provisionhook.Registry                // each workspace has a token of its own
	shared [installations]*provisionhook.Registry // all workspaces of an installation have one
	apps   [installations]*githubapp.Installation // whose it is
	redis  *redis.Client
	mux    *http.ServeMux

	gatewayAddr string
	gateway     http.Handler
	behind      *provisionhook.Registry // of the workspaces behind the gateway, which have no token
	certificate *tls.Config             // the gateway's

	mu      sync.Mutex
	servers []*http.Server
	served  sync.WaitGroup
}

// newReplica returns a replica with its endpoint and its gateway at free ports,
// not yet serving.
func newReplica(w *world, command string) (*replica, error) {
	r := &replica{redis: w.redis.client(), mux: http.NewServeMux(), certificate: w.authority.config}
	client := *w.forge.Client()
	client.Transport = &witness{client.Transport, w}
	app, err := githubapp.New(githubapp.Options{
		AppID: appID, KeyFile: w.forge.keyFile, BaseURL: w.forge.URL, HTTPClient: &client,
		MaxConcurrentMints: 64,

		Cache:  tokenprovider.CacheOptions{Settle: w.config.settle(), MintTimeout: mintTimeout},
		Store:  redisstore.New(r.redis, &redisstore.Options{Replicas: 1}),
		Logger: w.journal.logger(), SealKeys: [][]byte{w.sealKey},
	})
	if err != nil {
		return nil, err
	}
	key, err := tokenhttp.NewWorkspaceKey(w.workspaceKey)
	if err != nil {
		return nil, err
	}
	var addrErr error
	r.addr, err = freeAddr()
	r.gatewayAddr, addrErr = freeAddr()
	if err = errors.Join(err, addrErr); err != nil {
		return nil, err
	}
	source := func(ctx context.Context, p tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		of, ok := w.lookUp(p.WorkspaceID)
		switch {
		case !ok:
			return nil, tokenhttp.ErrForbidden
		case of.own:
			return tokenhttp.PerWorkspace(r.own)(ctx, p)
		}
		return tokenhttp.FirstProvider(r.shared[of.installation])(ctx, p)
	}
	handler, err := tokenhttp.NewHandler(source, key, &tokenhttp.Options{
		Admit: w.admit, Audit: w.audit, Logger: w.journal.logger(),
	})
	if err != nil {
		return nil, err
	}
	wiring, err := handler.Mutator(tokenhttp.MutatorOptions{
		BaseURL: "http://" + r.addr, Key: key,
	})
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(w.forge.URL)
	if err != nil {
		return nil, err
	}
	git, gitErr := gitcredential.NewMutator(&gitcredential.MutatorOptions{
		Hosts: []string{address.Host}, Command: command,
	})
	each, eachErr := githubapp.NewWorkspaceMutator(app, w.policy, nil)
	if err := errors.Join(gitErr, eachErr); err != nil {
		return nil, err
	}

	r.own = provisionhook.NewRegistry(provisionhook.Protect("PATH"))
	r.own.Register(each, wiring, git)
	for n := range r.shared {
		r.apps[n] = app.Installation(installationID(n))
		r.shared[n] = provisionhook.NewRegistry(provisionhook.Protect("PATH"))
		r.shared[n].Register(githubapp.NewMutator(r.apps[n], nil), wiring, git)
	}
	handler.Mount(r.mux)
	return r, r.newGateway(w, key)
}

// registry returns the one that makes the workspace's environment.
func (r *replica) registry(of *workspace) *provisionhook.Registry {
	switch {
	case of.behind:
		return r.behind
	case of.own:
		return r.own
	}
	return r.shared[of.installation]
}

// status returns what this replica says of the workspace's token, if it says
// that of a single one.
func (r *replica) status(of *workspace) (s tokenprovider.Status, ok bool) {
	if of.own {
		return s, false
	}
	return r.apps[of.installation].Status(), true
}

func (r *replica) close() {
	r.stop()
	_ = r.redis.Close()
}

// witness sees each credential that passes, for the journal and for who is to
// know when a token was minted: JWTs on the way out, tokens on the way in.
type witness struct {
	next  http.RoundTripper
	world *world
}

func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	w.world.journal.secret(strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
	asked := time.Now()
	resp, err := w.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct{ Token string }
	_ = json.Unmarshal(body, &answer)
	w.world.journal.secret(answer.Token)
	w.world.minted.Store(tokenprovider.TokenSHA256(answer.Token), token{value: answer.Token, minted: asked})
	return resp, nil
}
