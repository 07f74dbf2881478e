package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// report is how a run went.
type report struct {
	config   config
	took     time.Duration
	counts   map[action]*count
	unjudged map[string]int // by why
	losses   []string
	idle     []string // workspaces that didn't work again

	faults, effects, through map[kind]int

	minted, mostMinted int
	tried, mostTried   int

	warm, end         size
	heapMost          uint64
	goroutinesAtStart int
	goroutinesLeft    int
	stacks            string

	lines int
	leaks []string

	problems []string
}

const (
	// heapNoise is what the heap of two moments differs by without a leak.
	heapNoise = 4 << 20

	// heapPerMint is what this program itself remembers of each mint: the fake
	// of the token, as GitHub's audit log does, and the journal of pieces of
	// it.
	heapPerMint = 700

	sizeNoise = 8 // goroutines and descriptors

	// fewStalls is how often the machine may be busy without that a fault of some
	// seconds passes unnoticed.
	fewStalls = 10

	// least is the share of the operations that have to be judged, and
	// mostExplained of those that a fault may explain: without the rest there was
	// no proof.
	least, mostExplained = 0.5, 0.25
)

func (w *world) report(warm, end size, mints int) *report {
	t := w.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &report{
		config: w.config, took: time.Since(w.began),
		counts: t.counts, unjudged: t.unjudged, losses: t.losses, idle: w.idleAfterFaults(),
		faults: map[kind]int{}, effects: map[kind]int{}, through: t.through,
		minted: w.forge.Mints(), tried: int(w.forge.tried.Load()),
		warm: warm, end: end, heapMost: warm.heap + heapNoise + uint64(mints)*heapPerMint,
	}
	r.mostMinted, r.mostTried = w.mostMints()
	for _, h := range w.history.all() {
		r.faults[h.kind]++
	}
	for _, k := range kinds {
		r.effects[k] = w.effects(k)
	}
	return r
}

// idleAfterFaults returns the workspaces of which no operation has succeeded
// since all had to work again.
func (w *world) idleAfterFaults() (idle []string) {
	after := w.began
	for _, h := range w.history.all() {
		if again := h.ended.Add(h.recovery(most, w.config.life)); again.After(after) {
			after = again
		}
	}
	if time.Since(after) < slack {
		return nil // there was no time
	}
	for _, ws := range w.workspaces {
		if ws.well.Load() < after.UnixNano() {
			idle = append(idle, ws.id)
		}
	}
	return idle
}

// mostMints bounds the tokens that are minted, and the requests for them. The
// platform's cache asks for the next one when three tenths of a life are left
// at the earliest, git when half of it is. There is one more for each start,
// and for each token that a fault kills or keeps from being shared. Tries that
// fail are followed by a back-off that doubles.
func (w *world) mostMints() (minted, tried int) {
	killed, failed := 0, 0
	for _, h := range w.history.all() {
		switch h.kind {
		case down, limited:
			failed += 2 + int(math.Log2(1+(h.lasts+h.amount+mintTimeout).Seconds()))
		case suspended, redisGone, clock:
			killed++
		}
	}
	mints := func(each time.Duration) int { return int(time.Since(w.began)/each) + 1 + killed }
	held := installations * replicas
	minted = w.tally.counts[starting].all + held*mints(w.config.life/2)
	for _, ws := range w.workspaces {
		if !ws.own {
			continue
		}
		each := w.config.life * 7 / 10
		if ws.git {
			each = w.config.life / 2
		}
		held += len(ws.replicas)
		minted += len(ws.replicas) * mints(each)
	}
	return minted, minted + held*failed
}

// write prints r, and says at its end what is wrong.
func (r *report) write(out io.Writer) {
	print := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	print("\n%-22s %9s %9s %9s %9s %9s", "operations", "all", "failed", "judged", "LOST", "slowest")
	var sum count
	row := func(name string, c count) {
		print("  %-20s %9d %9d %9d %9d %8.2fs", name, c.all, c.failed, c.judged, c.lost, c.slowest.Seconds())
	}
	for _, a := range actions {
		c := r.counts[a]
		row(string(a), *c)
		sum.all, sum.failed = sum.all+c.all, sum.failed+c.failed
		sum.judged, sum.lost = sum.judged+c.judged, sum.lost+c.lost
		sum.slowest = max(sum.slowest, c.slowest)
	}
	row("together", sum)
	for _, why := range slices.Sorted(maps.Keys(r.unjudged)) {
		print("  %d weren't judged: %s", r.unjudged[why], why)
	}
	print("%-22s %9s %9s %9s", "faults", "all", "felt", "went well")
	for _, k := range append(slices.Clone(kinds), stall) {
		print("  %-20s %9d %9d %9d", k, r.faults[k], r.effects[k], r.through[k])
	}
	print("tokens\n  %d minted, of at most %d; %d asked for, of at most %d",
		r.minted, r.mostMinted, r.tried, r.mostTried)
	print("growth\n  goroutines   %d warm, %d at the end; %d before the start, %d after the end",
		r.warm.goroutines, r.end.goroutines, r.goroutinesAtStart, r.goroutinesLeft)
	print("  descriptors  %d warm, %d at the end", r.warm.descriptors, r.end.descriptors)
	print("  heap         %.1f MB warm, %.1f MB at the end, of at most %.1f MB",
		mb(r.warm.heap), mb(r.end.heap), mb(r.heapMost))
	print("secrets\n  %d lines printed and logged, %d of them with a secret", r.lines, len(r.leaks))

	r.judge(sum)
	for _, text := range r.losses {
		print("\n%s", text)
	}
	if r.stacks != "" {
		print("\n%s", r.stacks)
	}
	if len(r.problems) == 0 {
		print("soak: all is well, after %.0f s with seed %d", r.took.Seconds(), r.config.seed)
		return
	}
	print("\nsoak: FAILED, again with %s\n  %s", r.config, strings.Join(r.problems, "\n  "))
}

// judge finds what is wrong.
func (r *report) judge(sum count) {
	wrong := func(is bool, format string, args ...any) {
		if is {
			r.problems = append(r.problems, fmt.Sprintf(format, args...))
		}
	}
	wrong(sum.lost > 0, "%d operations were lost", sum.lost)
	wrong(float64(sum.judged) < least*float64(sum.all),
		"only %d of %d operations could be judged; give it the machine for itself", sum.judged, sum.all)
	wrong(float64(r.unjudged[explained]) > mostExplained*float64(sum.all),
		"a fault explains %d of %d operations", r.unjudged[explained], sum.all)
	wrong(len(r.idle) > 0, "no operation succeeded any more after the faults: %s", strings.Join(r.idle, ", "))
	for _, a := range actions {
		needed := r.config.git > 1 || slices.Contains([]action{starting, releasing, calling, callingOwn}, a)
		none := r.counts[a].failed == r.counts[a].all
		wrong(r.wholeRound() && needed && none, "no operation of this kind succeeded: %s", a)
	}
	for _, k := range kinds {
		felt := r.effects[k] > 0 || k == clock // a small jump is for nobody to feel
		wrong(r.wholeRound() && !felt && r.faults[stall] < fewStalls, "no fault of this kind had an effect: %s", k)
	}
	wrong(r.minted > r.mostMinted, "%d tokens minted, more than %d", r.minted, r.mostMinted)
	wrong(r.tried > r.mostTried, "%d requests for a token, more than %d", r.tried, r.mostTried)
	wrong(r.end.goroutines > r.warm.goroutines+sizeNoise,
		"goroutines grew from %d to %d", r.warm.goroutines, r.end.goroutines)
	wrong(r.end.descriptors > r.warm.descriptors+sizeNoise,
		"descriptors grew from %d to %d", r.warm.descriptors, r.end.descriptors)
	wrong(r.end.heap > r.heapMost, "the heap grew from %.1f MB to %.1f MB", mb(r.warm.heap), mb(r.end.heap))
	wrong(r.goroutinesLeft > r.goroutinesAtStart,
		"%d goroutines are left of the run", r.goroutinesLeft-r.goroutinesAtStart)
	for _, l := range r.leaks {
		wrong(true, "a secret: %s", l)
	}
}

// wholeRound reports whether there was time for a fault of each kind.
func (r *report) wholeRound() bool {
	return r.config.duration >= 2*time.Minute && !r.config.injectedOnly
}

func mb(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
