package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// httpWorker is a program in a workspace that calls GitHub's API with the
// tokens that it pulls.
type httpWorker struct {
	ws    *workspace
	cache *tokenprovider.Cache
	api   *http.Client
	url   string
	what  action
}

func (ws *workspace) newHTTPWorker(env map[string]string) (worker, error) {
	address, err := url.Parse(ws.forge.URL)
	if err != nil {
		return nil, err
	}
	h := &httpWorker{
		ws: ws, url: ws.forge.URL + "/repos/" + ws.repository(), what: calling,
	}
	if ws.own {
		h.what = callingOwn
	}
	client := &tokenhttp.Client{
		URL: env[tokenhttp.EnvURL], Bearer: tokenprovider.Static(env[tokenhttp.EnvBearer]),
		HTTPClient: &http.Client{Transport: &balancer{ws: ws}},
	}
	h.cache = tokenprovider.NewCache(&receiver{client, ws}, &tokenprovider.CacheOptions{
		Settle: ws.config.settle(), Name: ws.id, Logger: ws.journal.logger(),
	})
	var provider tokenprovider.TokenProvider = h.cache
	if ws.config.injectedOnly {
		provider = tokenprovider.Static(env["GH_TOKEN"])
	}
	h.api = &http.Client{Transport: &tokenprovider.Transport{
		Provider: provider, Base: ws.forge.Client().Transport, Hosts: []string{address.Host},
	}}
	state := func() string {
		s := h.cache.Status()
		return fmt.Sprintf("%s, %d mints, %d failures, last error: %s", s.State, s.Mints, s.Failures, s.LastError)
	}
	ws.state.Store(&state)
	return h, nil
}

func (h *httpWorker) work(ctx context.Context) operation {
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return operation{what: h.what, err: err}
	}
	resp, err := h.api.Do(req)
	if err != nil {
		o := failure(h.what, err)
		o.hung = ctx.Err() != nil
		return o
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", h.url, resp.Status)
		return operation{what: h.what, err: err, said: fmt.Sprintf("API %d", resp.StatusCode)}
	}
	return operation{what: h.what}
}

func (h *httpWorker) stop() {}

// receiver notes what the platform hands out.
type receiver struct {
	*tokenhttp.Client
	ws *workspace
}

func (r *receiver) Token(ctx context.Context) (string, time.Time, error) {
	value, expiresAt, err := r.Client.Token(ctx)
	if err == nil {
		r.ws.holds(r.ws.known(tokenprovider.TokenSHA256(value), expiresAt))
	}
	return value, expiresAt, err
}

// balancer sends the requests of a workspace to its replicas in turn, and to
// the next one when the connection is refused.
type balancer struct {
	ws   *workspace
	turn atomic.Uint64
}

func (b *balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	first := int(b.turn.Add(1))
	var failures []error
	for n := range b.ws.replicas {
		clone := req.Clone(req.Context())
		clone.URL.Host = b.ws.world.replicas[b.ws.replicas[(first+n)%len(b.ws.replicas)]].addr
		resp, err := b.ws.endpoints.RoundTrip(clone)
		if err == nil {
			return resp, nil
		}
		b.ws.forge.feel(endpoint)
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}
