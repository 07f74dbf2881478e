package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// action is what a workspace does, or what the platform does with it.
type action string

const (
	starting   action = "start a workspace"
	releasing  action = "release a workspace"
	calling    action = "API, shared token"
	callingOwn action = "API, own token"
	cloning    action = "git clone"
	fetching   action = "git fetch"
	pushing    action = "git push"

	callingBehind  action = "gateway, API"
	cloningBehind  action = "gateway, git clone"
	fetchingBehind action = "gateway, git fetch"
	pushingBehind  action = "gateway, git push"
)

var actions = []action{
	starting, releasing, calling, callingOwn, cloning, fetching, pushing,
	callingBehind, cloningBehind, fetchingBehind, pushingBehind,
}

// operation is one of a workspace's, and what it had to go on with.
type operation struct {
	what         action
	installation int
	replicas     []int // through which the workspace gets its tokens
	began, ended time.Time
	started      time.Time // when the workspace began to start
	restarted    bool      // it has a token of its own, and replicas that may know its life before
	held         token     // that the workspace was handed last; zero: none is known
	err          error     // nil: it succeeded
	said         string    // why it failed: a code, or one of those below; "": nothing says so
	hung         bool      // it had no end in time
	outlived     bool      // by a token, after a release that was told to be done
	early        bool      // and dead some seconds later
	uncertain    bool      // whether there is something to release
}

// token is what is known of one that a workspace was handed.
type token struct {
	value   string
	minted  time.Time // no later than it was
	expires time.Time // as the platform said
}

// What is said in place of a code.
const (
	toldByHelper  = "the helper" // a sentence of git's credential helper
	toldByGateway = "the gateway: 5xx"
	broken        = "a broken connection"
	overtaken     = "a push that was cut and arrived all the same, while the next one was on its way"
	refused       = "API 401"
	forbidden     = "API 403"
	uncertain     = "a release that isn't certain"
)

// clear are the answers that may be given to who gets no token, or whose token
// is refused.
var clear = []string{
	string(tokenprovider.CodeUnavailable), string(tokenprovider.CodeRateLimited),
	string(tokenprovider.CodeForbidden), string(tokenprovider.CodeUnauthenticated),
	toldByHelper, toldByGateway, broken, overtaken, refused, forbidden, uncertain,
}

// verdict returns what is wrong with the outcome of o; "" when nothing is.
func (o operation) verdict(excuse string) string {
	switch {
	case o.err == nil, excuse == busy:
		return ""
	case excuse == "" && o.what == releasing:
		return "it could be released"
	case excuse == "":
		return "a token could be had"
	case !o.outlived && !slices.Contains(clear, o.said):
		return "there is no clear answer"
	}
	return ""
}

// count is what became of the operations of one kind.
type count struct {
	all, failed, judged, lost int
	slowest                   time.Duration // of those that succeeded
}

// tally counts operations. It is safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	counts   map[action]*count
	through  map[kind]int // that were judged and went well while one of the kind lasted
	unjudged map[string]int
	losses   []string // the first ones in full
}

// keptLosses are those that are told in full.
const keptLosses = 10

func newTally() *tally {
	t := &tally{counts: map[action]*count{}, through: map[kind]int{}, unjudged: map[string]int{}}
	for _, a := range actions {
		t.counts[a] = &count{}
	}
	return t
}

// operate does one operation and judges it.
func (ws *workspace) operate(ctx context.Context, do func(context.Context) operation) {
	ws.idle.RLock()
	defer ws.idle.RUnlock()
	if ctx.Err() != nil {
		return
	}
	began := time.Now()
	o := do(ctx)
	if ctx.Err() != nil {
		return
	}
	o.installation, o.replicas, o.began, o.ended = ws.installation, ws.replicas, began, time.Now()
	o.started = time.Unix(0, ws.started.Load())
	o.restarted = ws.own && ws.starts > 1 && len(ws.replicas) > 1
	if held := ws.held.Load(); held != nil {
		o.held = *held
	}
	happened := ws.history.all()
	why := excuse(o, happened, ws.config.life)
	ws.tally.take(o, why, happened)
	if verdict := o.verdict(why); verdict != "" {
		ws.tally.lose(o.what, func() string { return ws.explain(o, happened, verdict) })
	}
	if o.err == nil {
		ws.succeeded(o)
		return
	}
	switch o.said {
	case forbidden, string(tokenprovider.CodeForbidden):
		ws.forge.feel(suspended)
	case refused:
		ws.forge.feel(clock)
	}
}

// take counts o, which isn't judged if there is a reason.
func (t *tally) take(o operation, unjudged string, happened []happening) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts[o.what]
	c.all++
	if unjudged == "" {
		c.judged++
	} else {
		t.unjudged[unjudged]++
	}
	if o.err != nil {
		c.failed++
		return
	}
	c.slowest = max(c.slowest, o.ended.Sub(o.began))
	if unjudged != "" {
		return
	}
	during := map[kind]bool{}
	for _, h := range happened {
		if o.ended.After(h.began) && o.began.Before(h.ended.Add(margin)) && !during[h.kind] {
			during[h.kind] = true
			t.through[h.kind]++
		}
	}
}

// lose counts an operation against the run.
func (t *tally) lose(what action, explain func() string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what].lost++
	if len(t.losses) < keptLosses {
		t.losses = append(t.losses, explain())
	}
}

// explain tells all that is known about an operation that counts against the
// run.
func (ws *workspace) explain(o operation, happened []happening, verdict string) string {
	since := func(t time.Time) string { return fmt.Sprintf("%.2f s", t.Sub(ws.began).Seconds()) }
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("  %s of %s (installation %d, replicas %v) from %s to %s: %s: %v",
		o.what, ws.id, ws.installation, ws.replicas, since(o.began), since(o.ended), verdict, o.err)
	for _, h := range happened {
		if h.ended.After(o.began.Add(-2*permanent)) && (h.kind != stall || h.ended.After(o.began.Add(-slack))) {
			line("      fault      %s, over at %s", h, since(h.ended))
		}
	}
	if o.held.value != "" {
		line("      held       a token from %s to %s", since(o.held.minted), since(o.held.expires))
	}
	if state := ws.state.Load(); state != nil {
		line("      workspace  %s", (*state)())
	}
	for _, n := range ws.replicas {
		if s, ok := ws.world.replicas[n].status(ws); ok {
			line("      replica %d  %s, expires at %s, refresh at %s, last error: %s",
				n, s.State, since(s.ExpiresAt), since(s.RefreshAt), s.LastError)
		}
	}
	names := []string{`"` + ws.id + `"`, ws.id + ": ", "/" + ws.id + "/", "repositories " + ws.id + ")"}
	for _, said := range ws.journal.about(12, names...) {
		line("      log        %s", said)
	}
	return text.String()
}
