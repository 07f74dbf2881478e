package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// workspace is one of the platform's, from its start over its work to its release, and again.
type workspace struct {
	*world
	id           string
	installation int
	own          bool  // has a token of its own
	git          bool  // runs the real git; else it calls the API
	replicas     []int // through which it gets its tokens
	again        bool  // is released and started anew, now and then
	random       *rand.Rand

	starts  int
	refused []time.Time  // when operations ended because a token was found dead; the last ones
	state   atomic.Value // a func() string for whoever explains a loss

	account atomic.Pointer[account] // since it started
}

// account is what a workspace was handed by the platform since it started.
type account struct {
	mu   sync.Mutex
	held time.Time // when the last token dies
	last string    // that token's hash
	row  streak    // of tries to get another one
}

// worker is what a workspace that runs does.
type worker interface {
	work(ctx context.Context) outcome // one operation
	token() string                    // that it has now; "" if it doesn't know
	stop()
}

// newWorkspace is the n-th workspace. What kind it is follows from n, so that all combinations come up.
func newWorkspace(w *world, n int) *workspace {
	ws := &workspace{
		world: w, id: fmt.Sprintf("ws-%d", n), installation: n % installations, git: n < w.config.git,
		own: n/installations%2 == 0, again: n%3 == 0 && !w.config.injectedOnly, random: rand.New(rand.NewPCG(w.config.seed, uint64(n))),
	}
	switch n / (2 * installations) % 3 {
	case 0:
		ws.replicas = []int{0}
	case 1:
		ws.replicas = []int{1}
	default:
		ws.replicas = []int{0, 1}
	}
	if ws.git { // it knows one address
		ws.replicas = []int{n % replicas}
	}
	return ws
}

func (ws *workspace) repository() string { return login(ws.installation) + "/" + ws.id }

// run lives until ctx ends.
func (ws *workspace) run(ctx context.Context) {
	ws.pause(ctx, between(ws.random, 0, ws.config.life/4)) // they don't all start at once
	for ctx.Err() == nil {
		does := ws.start(ctx)
		if does == nil {
			return
		}
		ends := time.Now().Add(between(ws.random, ws.config.life*3/4, ws.config.life*2))
		for ctx.Err() == nil && (!ws.again || time.Now().Before(ends)) {
			ws.operate(ctx, func(ctx context.Context) outcome { return does.work(ctx) })
			ws.pause(ctx, ws.interval())
		}
		if ctx.Err() != nil {
			does.stop()
			return
		}
		ws.release(ctx, does)
	}
}

// interval is how long it rests between two operations.
func (ws *workspace) interval() time.Duration {
	if ws.git {
		return between(ws.random, 500*time.Millisecond, 1500*time.Millisecond)
	}
	return between(ws.random, time.Second, 2*time.Second)
}

func (ws *workspace) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// start has the registry make the workspace's environment, until it does, and starts what works in it; nil at the end
// of ctx.
func (ws *workspace) start(ctx context.Context) worker {
	ws.admitted.Store(ws.id, ws)
	for ctx.Err() == nil {
		var does worker
		ws.operate(ctx, func(ctx context.Context) outcome {
			r := ws.world.replicas[ws.replicas[0]]
			env := ws.environment()
			if err := r.registry(ws).Run(ctx, ws.id, env); err != nil {
				return failure(starting, err)
			}
			ws.journal.secret(env["GH_TOKEN"], env["PROVISIONKIT_BEARER"])
			var err error
			if ws.git {
				does, err = ws.newGitWorker(env)
			} else {
				does, err = ws.newHTTPWorker(env)
			}
			if err != nil {
				return outcome{what: starting, err: err, said: "no worker"}
			}
			return outcome{what: starting}
		})
		if does != nil {
			return does
		}
		ws.pause(ctx, 2*time.Second)
	}
	return nil
}

// release ends the workspace: nobody admits it any more, and what it was given is revoked.
func (ws *workspace) release(ctx context.Context, does worker) {
	token := does.token()
	does.stop()
	ws.admitted.Delete(ws.id)
	for ctx.Err() == nil {
		done := false
		ws.operate(ctx, func(ctx context.Context) outcome {
			err := ws.world.replicas[ws.replicas[0]].registry(ws).Release(ctx, ws.id)
			if err != nil {
				return failure(releasing, err)
			}
			done = true
			if ws.own && len(ws.replicas) == 1 && token != "" && ws.alive(ctx, token) {
				return outcome{what: releasing, err: errors.New("the token of a workspace that was released still works"), said: "a live token"}
			}
			return outcome{what: releasing}
		})
		if done {
			return
		}
		ws.pause(ctx, time.Second)
	}
}

// received notes what came of a try to get a token, and why it could fail.
func (a *account) received(token string, expiresAt time.Time, err error, why []kind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil && tokenprovider.TokenSHA256(token) != a.last:
		a.held, a.last, a.row = expiresAt, tokenprovider.TokenSHA256(token), streak{}
	case err == nil:
		a.row.tries++ // the same again, which counts as a try
	case len(why) > 0:
		var told time.Duration
		e, ok := errors.AsType[*tokenprovider.Error](err)
		if ok && slices.Contains(why, limited) {
			told = min(e.RetryAfter, longestTold)
		}
		a.row.failed(time.Now(), ok && !e.Retryable(), told, why...)
	}
}

// whyNot is why the platform may have no token at this moment, or not be reached; nothing when it has to have one.
func (ws *workspace) whyNot() (why []kind) {
	if ws.oracle.now().standstill {
		why = append(why, standstill)
	}
	for _, t := range ws.troubles(ws) {
		why = append(why, t.why...)
	}
	for _, h := range ws.oracle.happened() {
		switch {
		case h.over(time.Now().Add(-ws.oracle.now().grace)):
		case h.kind == endpoint && slices.Contains(ws.replicas, h.target), h.kind == suspended && h.target == ws.installation:
			why = append(why, h.kind)
		}
	}
	return why
}

// attempt is what an operation had to go on with.
func (ws *workspace) attempt(what action, began, ended time.Time) attempt {
	var held time.Time
	var own trouble
	if a := ws.account.Load(); a != nil {
		a.mu.Lock()
		held, own = a.held, a.row.trouble(ws.oracle.now())
		a.mu.Unlock()
	}
	return attempt{
		git: ws.git, fresh: what == starting, installation: ws.installation, replicas: ws.replicas,
		refused: slices.Clone(ws.refused), began: began, ended: ended, held: held, own: own, platform: ws.troubles(ws),
	}
}

// failure is the outcome of an operation that the library refused.
func failure(what action, err error) outcome {
	o := outcome{what: what, err: err}
	e, clear := errors.AsType[*tokenprovider.Error](err)
	if !clear {
		return o
	}
	o.said = string(e.Code)
	for _, text := range []string{diedOnItsWay, refusedAgain} {
		if strings.Contains(e.Error(), text) {
			o.said = text
		}
	}
	return o
}
