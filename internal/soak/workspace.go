package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/internal/sleep"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// workspace is one of the platform's, from its start over its work to its
// release, and again.
type workspace struct {
	*world
	id           string
	installation int
	own          bool  // has a token of its own
	git          bool  // runs the real git; else it calls the API
	behind       bool  // that git and the API go through the gateway, and there is no token
	replicas     []int // through which it gets its tokens
	again        bool  // is released and started anew, now and then
	random       *rand.Rand

	starts  int
	started atomic.Int64                  // the last one, in Unix nanoseconds
	state   atomic.Pointer[func() string] // for whoever explains a loss
	held    atomic.Pointer[token]         // that it was handed last since it started
	issued  issued                        // by the replicas since then
	well    atomic.Int64                  // when an operation succeeded last, in Unix nanoseconds
}

// worker is what a workspace that runs does.
type worker interface {
	work(ctx context.Context) operation
	stop()
}

// newWorkspace returns the n-th workspace. What kind it is follows from n, so
// that all combinations come up.
func newWorkspace(w *world, n int) *workspace {
	ws := &workspace{
		world: w, id: fmt.Sprintf("ws-%d", n), installation: n % installations,
		git: n < w.config.git, behind: n < w.config.git && (n%5 == 0 || n%5 == 2),
		own: n/installations%2 == 0, again: n%3 == 0 && !w.config.injectedOnly,
		random: rand.New(rand.NewPCG(w.config.seed, uint64(n))),
	}
	ws.replicas = []int{n % replicas} // git knows one address, and so do some others
	if !ws.git && n/(2*installations)%2 == 0 {
		ws.replicas = []int{0, 1, 2}
	}
	ws.own = ws.own && !ws.behind
	return ws
}

func (ws *workspace) repository() string { return login(ws.installation) + "/" + ws.id }

// run lives until ctx ends.
func (ws *workspace) run(ctx context.Context) {
	sleep.For(ctx, between(ws.random, 0, ws.config.life/4)) // they don't all start at once
	for ctx.Err() == nil {
		does := ws.start(ctx)
		if does == nil {
			return
		}
		ends := time.Now().Add(between(ws.random, ws.config.life*3/4, ws.config.life*2))
		for ctx.Err() == nil && (!ws.again || time.Now().Before(ends)) {
			ws.operate(ctx, does.work)
			sleep.For(ctx, ws.interval())
		}
		ws.release(ctx, does)
		does.stop()
	}
}

// interval returns how long it rests between two operations.
func (ws *workspace) interval() time.Duration {
	if ws.git {
		return between(ws.random, 500*time.Millisecond, 1500*time.Millisecond)
	}
	return between(ws.random, time.Second, 2*time.Second)
}

// start has the registry make the workspace's environment, until it does, and
// starts what works in it; nil at the end of ctx.
func (ws *workspace) start(ctx context.Context) worker {
	ws.starts++
	ws.started.Store(time.Now().UnixNano())
	ws.held.Store(nil)
	ws.issued.forget()
	ws.admitted.Store(ws.id, ws)
	for ctx.Err() == nil {
		var does worker
		ws.operate(ctx, func(ctx context.Context) operation {
			began, env := time.Now(), ws.environment()
			if err := ws.registry().Run(ctx, ws.id, env); err != nil {
				return failure(starting, err)
			}
			ws.journal.secret(env["GH_TOKEN"], env["PROVISIONKIT_BEARER"], env["GH_ENTERPRISE_TOKEN"])
			ws.issued.add(ws.known(tokenprovider.TokenSHA256(env["GH_TOKEN"]), began.Add(ws.config.life/2)))
			var err error
			if ws.git {
				does, err = ws.newGitWorker(env)
			} else {
				does, err = ws.newHTTPWorker(env)
			}
			return operation{what: starting, err: err}
		})
		if does != nil {
			return does
		}
		sleep.For(ctx, 2*time.Second)
	}
	return nil
}

// release ends the workspace: nobody admits it any more, and what it was given
// is revoked.
func (ws *workspace) release(ctx context.Context, does worker) {
	ws.held.Store(nil)
	ws.admitted.Delete(ws.id)
	for done := false; !done && ctx.Err() == nil; {
		ws.operate(ctx, func(ctx context.Context) operation {
			err := ws.registry().Release(ctx, ws.id)
			if done = errors.Is(err, githubapp.ErrReleaseUncertain); done { // it lasts longer than the soak
				return operation{what: releasing, err: err, said: uncertain, uncertain: true}
			}
			if err != nil {
				return failure(releasing, err)
			}
			done = true
			if g, ok := does.(*gitWorker); ok && ws.behind && g.call(ctx).err == nil {
				return operation{what: releasing, err: errors.New("the gateway still lets the workspace in"), outlived: true}
			}
			if !ws.outlived(ctx) {
				return operation{what: releasing}
			}
			sleep.For(ctx, recorded)
			err = errors.New("a token of the workspace still works after its release")
			return operation{what: releasing, err: err, outlived: true, early: !ws.outlived(ctx)}
		})
		if !done {
			sleep.For(ctx, time.Second)
		}
	}
}

// recorded is how long after an outage of the store a replica takes to put on
// record what it handed out meanwhile, or to revoke it.
const recorded = 10 * time.Second

// outlived reports whether a token of the workspace's own works.
func (ws *workspace) outlived(ctx context.Context) bool {
	return ws.own && slices.ContainsFunc(ws.issued.living(), func(t *token) bool { return ws.alive(ctx, t.value) })
}

// registry returns the one that starts and releases the workspace.
func (ws *workspace) registry() *provisionhook.Registry {
	return ws.world.replicas[ws.replicas[0]].registry(ws)
}

// succeeded notes that o went well: git has what was issued to it.
func (ws *workspace) succeeded(o operation) {
	ws.well.Store(o.ended.UnixNano())
	if ws.git && o.what != starting && o.what != releasing {
		ws.holds(ws.issued.last())
	}
}

// holds notes the token that the workspace has now. One of its own from before
// its start doesn't count: its release revoked it.
func (ws *workspace) holds(t *token) {
	if t != nil && ws.own && t.minted.UnixNano() < ws.started.Load() {
		t = nil
	}
	ws.held.Store(t)
}

// failure returns an operation that the library refused.
func failure(what action, err error) operation {
	o := operation{what: what, err: err}
	if e, ok := errors.AsType[*tokenprovider.Error](err); ok {
		o.said = string(e.Code)
	}
	return o
}
