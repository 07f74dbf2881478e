package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
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
)

var actions = []action{starting, releasing, calling, callingOwn, cloning, fetching, pushing}

// outcome is how an operation ended.
type outcome struct {
	what action
	err  error
	said string // a code, what the API or the helper said; "" when nothing says why it failed
}

// toldByHelper is said by git's credential helper: a sentence on standard error.
const toldByHelper = "the helper"

// count is what became of the operations of one kind.
type count struct {
	succeeded, excused, lost int
	slowest                  time.Duration // of those that succeeded
}

func (c count) all() int { return c.succeeded + c.excused + c.lost }

// loss is an operation that failed though a token could be had, or failed without a clear reason.
type loss struct {
	at    time.Duration
	text  string
	story []string // what happened around it
}

// tally counts operations. It is safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	counts   map[action]*count
	excused  map[string]int // by why
	all      int
	strict   int // those without an excuse, however they ended
	unproved int
	unclear  int    // excused, but not told why
	losses   []loss // the first ones
	vague    []loss // the first of those that were unclear
}

// keptLosses are those that are told in full.
const keptLosses = 10

func newTally() *tally {
	t := &tally{counts: map[action]*count{}, excused: map[string]int{}}
	for _, a := range actions {
		t.counts[a] = &count{}
	}
	return t
}

func (t *tally) succeeded(what action, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts[what]
	c.succeeded++
	c.slowest = max(c.slowest, took)
}

// asked counts the operations, and of them those that had no excuse, however they ended.
func (t *tally) asked(strictly bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all++
	if strictly {
		t.strict++
	}
}

func (t *tally) wasExcused(what action, why []kind) {
	why = slices.Compact(slices.Sorted(slices.Values(why)))
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(why, standstill) {
		why = []kind{standstill}
		t.unproved++
	}
	t.counts[what].excused++
	t.excused[fmt.Sprint(why)]++
}

// wasUnclear is excused, too, but counts against the run.
func (t *tally) wasUnclear(l loss) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unclear++
	t.vague = keep(t.vague, l)
}

func (t *tally) wasLost(what action, l loss) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what].lost++
	t.losses = keep(t.losses, l)
}

func keep(losses []loss, l loss) []loss {
	if len(losses) < keptLosses {
		losses = append(losses, l)
	}
	return losses
}

// operate does one operation and says what became of it.
func (ws *workspace) operate(ctx context.Context, do func(context.Context) outcome) {
	ws.idle.RLock()
	defer ws.idle.RUnlock()
	if ctx.Err() != nil {
		return
	}
	began := time.Now()
	o := do(ctx)
	ended := time.Now()
	a := ws.attempt(o.what, began, ended)
	why := ws.oracle.judge(a)
	ws.tally.asked(len(why) == 0)
	switch o.said {
	case refusedSuspended:
		ws.forge.felt(suspended)
	case refusedDead:
		ws.refused = append(ws.refused[max(0, len(ws.refused)-2*replicas):], ended)
	}
	switch {
	case o.what == "" || ctx.Err() != nil:
		return
	case o.err == nil:
		ws.tally.succeeded(o.what, ended.Sub(began))
		return
	case o.what == releasing:
		ws.judgeRelease(o, a)
		return
	}
	switch {
	case len(why) == 0:
		ws.tally.wasLost(o.what, ws.explain(o, a, "a token could be had"))
	case !saysWhy(o.said, why):
		ws.tally.wasExcused(o.what, why)
		ws.tally.wasUnclear(ws.explain(o, a, fmt.Sprintf("excused by %v, but not told so", why)))
	default:
		ws.tally.wasExcused(o.what, why)
	}
}

// saysWhy reports whether what was said is right for one of the reasons. A token may be found dead where a new one can't
// be had, and GitHub's clock be ahead of what is known of it.
func saysWhy(said string, why []kind) bool {
	return slices.Contains([]string{toldByHelper, refusedDead, refusedAgain, diedOnItsWay}, said) || slices.Contains(why, standstill) ||
		slices.ContainsFunc(why, func(k kind) bool { return slices.Contains(codes[k], said) })
}

// judgeRelease excuses what can't be revoked: while the store is down it isn't known what there is, and a token of an
// installation that is suspended is refused.
func (ws *workspace) judgeRelease(o outcome, a attempt) {
	if ws.oracle.now().standstill {
		ws.tally.wasExcused(o.what, []kind{standstill})
		return
	}
	for _, h := range ws.oracle.happened() {
		concerns := h.kind == redisGone || h.kind == suspended && h.target == ws.installation
		if concerns && !a.ended.Before(h.began) && !h.over(a.began.Add(-ws.oracle.now().grace)) {
			ws.tally.wasExcused(o.what, []kind{h.kind})
			return
		}
	}
	ws.tally.wasLost(o.what, ws.explain(o, a, "nothing kept it from being released"))
}

// explain is all that is known about an operation that counts against the run.
func (ws *workspace) explain(o outcome, a attempt, verdict string) loss {
	since := func(t time.Time) string { return fmt.Sprintf("%.2f s", t.Sub(ws.began).Seconds()) }
	l := loss{
		at: a.ended.Sub(ws.began),
		text: fmt.Sprintf("%s of %s (installation %d, replicas %v) from %s to %s: %s: %v", o.what, ws.id, ws.installation,
			ws.replicas, since(a.began), since(a.ended), verdict, o.err),
	}
	for _, h := range ws.oracle.happened() {
		if !h.over(a.began.Add(-longestBackoff)) {
			l.story = append(l.story, "fault      "+h.String())
		}
	}
	if !a.held.IsZero() {
		l.story = append(l.story, "was handed a token that lives until "+since(a.held))
	}
	for _, t := range append(a.platform, a.own) {
		if len(t.why) > 0 {
			l.story = append(l.story, fmt.Sprintf("trouble    %v from %s to %s", t.why, since(t.from), since(t.until)))
		}
	}
	if state, ok := ws.state.Load().(func() string); ok {
		l.story = append(l.story, "workspace  "+state())
	}
	for _, n := range ws.replicas {
		if s, ok := ws.world.replicas[n].status(ws); ok {
			l.story = append(l.story, fmt.Sprintf("replica %d  %s, expires %s, refresh at %s, last error: %s", n, s.State,
				clockTime(s.ExpiresAt), clockTime(s.RefreshAt), s.LastError))
		}
	}
	for _, line := range ws.journal.about(12, `"`+ws.id+`"`, ws.id+": ", "/"+ws.id+"/", "["+ws.id+"]", fmt.Sprintf("installation %d", installationID(ws.installation))) {
		l.story = append(l.story, "log        "+line)
	}
	return l
}

// clockTime is a time as the log has it, of which the date says nothing.
func clockTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("15:04:05.000")
}

// indent puts text under a line.
func indent(lines []string) string {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString("      " + line + "\n")
	}
	return text.String()
}
