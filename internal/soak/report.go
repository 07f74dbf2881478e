package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// report is how a run went.
type report struct {
	config            config
	took              time.Duration
	counts            map[action]*count
	excused           map[string]int
	unclear, unproved int
	losses            []loss
	strict            float64 // the share of the operations that had no excuse, however they ended

	late time.Duration // the machine, at the worst

	faults  map[kind]int
	effects map[kind]int

	minted, tried         int64
	mostMinted, mostTried int64
	signatures            int
	renewals              int64

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

	// heapPerMint is what this program itself remembers of each mint: the fake of the token, as GitHub's audit log does,
	// and the journal of pieces of it. It is less than a token has.
	heapPerMint = 700

	sizeNoise = 8 // goroutines and descriptors

	// least is the share of operations that succeed in spite of everything.
	least = 0.66
)

func (w *world) report(warm, end size, mints int64) *report {
	t := w.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &report{
		config: w.config, took: time.Since(w.began), counts: t.counts, excused: t.excused, unclear: t.unclear, unproved: t.unproved, losses: slices.Concat(t.losses, t.vague),
		faults: map[kind]int{}, effects: map[kind]int{},
		minted: w.forge.minted.Load(), tried: w.forge.tried.Load(), signatures: w.forge.Signatures(),
		renewals: w.renewals.Load(), warm: warm, end: end, heapMost: warm.heap + heapNoise + uint64(mints)*heapPerMint,
		late:   w.oracle.pulse.worstOfAll(),
		strict: float64(t.strict) / float64(max(t.all, 1)),
	}
	r.mostMinted, r.mostTried = w.mostMints()
	for _, h := range w.oracle.happened() {
		r.faults[h.kind]++
	}
	for _, k := range kinds {
		r.effects[k] = w.effects(k)
	}
	return r
}

// mostMints bounds the tokens that are minted, and the requests for them. A workspace's program asks for the next one when
// a quarter of a life is left, or a fifth of that earlier, and git when half of it is. There is one more for each start,
// and for what a fault does to tokens: a jump of the clock and a suspension kill them, and without the store each replica
// mints for itself. A request that fails is followed by a back-off that doubles.
func (w *world) mostMints() (minted, tried int64) {
	var both [installations]int64 // tokens that the replicas hold
	lasted := time.Since(w.began)
	lives := func(life time.Duration) int64 { return int64(lasted/life) + 1 }
	for _, ws := range w.workspaces {
		switch {
		case !ws.own:
			continue
		case ws.git:
			minted += lives(w.config.life / 2)
		default:
			minted += lives(w.config.life * 7 / 10)
		}
		both[ws.installation] += int64(len(ws.replicas))
	}
	all := int64(0)
	for n := range both {
		minted += lives(w.config.life / 2)
		both[n] += replicas
		all += both[n]
	}
	minted += int64(w.tally.counts[starting].succeeded)
	for _, h := range w.oracle.happened() {
		tries := int64(1)
		for d := time.Second; d < h.lasts+h.amount+w.oracle.rules.mintTimeout; d *= 2 {
			tries++
		}
		switch {
		case h.kind == redisGone, h.kind == clock && h.amount > 0:
			minted += all
		case h.kind == suspended:
			minted += both[h.target]
			tried += both[h.target] * tries
		case h.kind == down, h.kind == limited, h.kind == rotated:
			tried += all * tries
		}
	}
	return minted, minted + tried
}

// write prints r, and says at its end what is wrong.
func (r *report) write(out io.Writer) {
	fmt.Fprintf(out, "\n%-22s %9s %9s %9s %9s %9s\n", "operations", "all", "succeeded", "excused", "LOST", "slowest")
	var sum count
	for _, a := range actions {
		c := r.counts[a]
		fmt.Fprintf(out, "  %-20s %9d %9d %9d %9d %8.2fs\n", a, c.all(), c.succeeded, c.excused, c.lost, c.slowest.Seconds())
		sum.succeeded, sum.excused, sum.lost = sum.succeeded+c.succeeded, sum.excused+c.excused, sum.lost+c.lost
	}
	fmt.Fprintf(out, "  %-20s %9d %9d %9d %9d\n", "together", sum.all(), sum.succeeded, sum.excused, sum.lost)
	fmt.Fprintf(out, "  %.0f %% of them had no excuse, however they ended\n", 100*r.strict)
	fmt.Fprintf(out, "  the machine was late by %.2f s at the worst\n", r.late.Seconds())
	for _, why := range slices.SortedFunc(maps.Keys(r.excused), func(a, b string) int { return r.excused[b] - r.excused[a] }) {
		fmt.Fprintf(out, "  %d excused by %s\n", r.excused[why], why)
	}
	fmt.Fprintf(out, "faults, and what felt them\n")
	for _, k := range kinds {
		fmt.Fprintf(out, "  %-20s %9d %9d\n", k, r.faults[k], r.effects[k])
	}
	fmt.Fprintf(out, "tokens\n  %d minted, of at most %d; %d asked for, of at most %d; %d signatures; %d bearers renewed\n",
		r.minted, r.mostMinted, r.tried, r.mostTried, r.signatures, r.renewals)
	fmt.Fprintf(out, "growth\n  goroutines   %d warm, %d at the end; %d before the start, %d after the end\n", r.warm.goroutines, r.end.goroutines, r.goroutinesAtStart, r.goroutinesLeft)
	fmt.Fprintf(out, "  descriptors  %d warm, %d at the end\n", r.warm.descriptors, r.end.descriptors)
	fmt.Fprintf(out, "  heap         %.1f MB warm, %.1f MB at the end, of at most %.1f MB\n", mb(r.warm.heap), mb(r.end.heap), mb(r.heapMost))
	fmt.Fprintf(out, "secrets\n  %d lines printed and logged, %d of them with a secret\n", r.lines, len(r.leaks))

	r.judge(sum)
	for _, l := range r.losses {
		fmt.Fprintf(out, "\n  %s\n%s", l.text, indent(l.story))
	}
	if r.stacks != "" && r.goroutinesLeft > r.goroutinesAtStart {
		fmt.Fprintf(out, "\n%s\n", r.stacks)
	}
	if len(r.problems) == 0 {
		fmt.Fprintf(out, "soak: all is well, after %.0f s with seed %d\n", r.took.Seconds(), r.config.seed)
		return
	}
	fmt.Fprintf(out, "\nsoak: FAILED, again with -for %s -seed %d -workspaces %d -git %d -life %s\n  %s\n", r.config.duration, r.config.seed,
		r.config.workspaces, r.config.git, r.config.life, strings.Join(r.problems, "\n  "))
}

// judge finds what is wrong.
func (r *report) judge(sum count) {
	wrong := func(is bool, format string, args ...any) {
		if is {
			r.problems = append(r.problems, fmt.Sprintf(format, args...))
		}
	}
	wrong(20*r.unproved > sum.all(), "the machine stood still too often to prove anything: give it less to do besides")
	wrong(sum.lost > 0, "%d operations were lost though a token could be had", sum.lost)
	wrong(r.unclear > 0, "%d operations failed without a clear error", r.unclear)
	wrong(float64(sum.succeeded) < least*float64(sum.all()), "less than %.0f %% of all operations succeeded", 100*least)
	for _, a := range actions {
		needed := r.config.git > 0 || a != cloning && a != fetching && a != pushing
		wrong(r.wholeRound() && needed && r.counts[a].succeeded == 0, "no operation of this kind succeeded: %s", a)
	}
	for _, k := range kinds {
		wrong(r.wholeRound() && r.effects[k] == 0, "no fault of this kind had an effect: %s", k)
	}
	wrong(r.minted > r.mostMinted, "%d tokens minted, more than %d", r.minted, r.mostMinted)
	wrong(r.tried > r.mostTried, "%d requests for a token, more than %d", r.tried, r.mostTried)
	wrong(r.end.goroutines > r.warm.goroutines+sizeNoise, "goroutines grew from %d to %d", r.warm.goroutines, r.end.goroutines)
	wrong(r.end.descriptors > r.warm.descriptors+sizeNoise, "descriptors grew from %d to %d", r.warm.descriptors, r.end.descriptors)
	wrong(r.end.heap > r.heapMost, "the heap grew from %.1f MB to %.1f MB", mb(r.warm.heap), mb(r.end.heap))
	wrong(r.goroutinesLeft > r.goroutinesAtStart, "%d goroutines are left of the run", r.goroutinesLeft-r.goroutinesAtStart)
	for _, l := range r.leaks {
		wrong(true, "a secret: %s", l)
	}
}

// wholeRound reports whether there was time for a fault of each kind.
func (r *report) wholeRound() bool {
	return r.config.duration >= 2*time.Minute && !r.config.injectedOnly
}

func mb(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
