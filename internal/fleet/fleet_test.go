package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// kind is how a workspace gets at its repository.
type kind int

const (
	sharing kind = iota // it pulls a token that all of its organisation have
	owning              // it pulls a token of its own
	behind              // it is behind the gateway, and has none
	kinds
)

func (k kind) String() string {
	return [...]string{"pull, shared", "pull, of its own", "by the gateway"}[k]
}

// workspace is a place in the fleet. When a workspace ends another one begins
// there.
type workspace struct {
	kind         kind
	organisation int
	place, life  int
	random       *rand.Rand

	id      string // "": none lives here
	bearer  string
	token   string // the last one of its own
	started time.Time
	ends    time.Time
	pulls   int

	releasing bool // it is gone, and what it had isn't taken back yet
	tries     int
}

// between draws a duration.
func (w *workspace) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.random.Int64N(int64(most-least)))
}

// fleet are all workspaces and what they are about to do.
type fleet struct {
	*platform
	judge      *judge
	workspaces []workspace

	mu      sync.Mutex
	due     [][]*workspace // by second of the day
	began   time.Time
	running sync.WaitGroup
}

func newFleet(p *platform, j *judge, workspaces int, day time.Duration, seed uint64) *fleet {
	f := &fleet{
		platform: p, judge: j, workspaces: make([]workspace, workspaces), due: make([][]*workspace, day/time.Second),
	}
	for n := range f.workspaces {
		w := &f.workspaces[n]
		*w = workspace{
			kind: sharing + kind(n%2)*behind, organisation: n / 2 % p.organisations, place: n,
			random: rand.New(rand.NewPCG(seed, uint64(n))),
		}
		if n%100 == 0 { // each costs mints of its own
			w.kind = owning
		}
		second := int(w.between(0, time.Hour) / time.Second) // the first ones start in the first hour
		f.due[second] = append(f.due[second], w)
	}
	return f
}

// live has all workspaces do what they do, each at its time, until the day is
// over.
func (f *fleet) live() {
	f.began = time.Now()
	for second := range f.due {
		f.mu.Lock()
		now := f.due[second]
		f.due[second] = nil
		f.mu.Unlock()
		for _, w := range now {
			f.running.Go(func() { f.again(w, f.act(w)) })
		}
		time.Sleep(time.Second)
	}
	f.running.Wait()
}

// again has w act after a while.
func (f *fleet) again(w *workspace, after time.Duration) {
	second := int((time.Since(f.began) + max(after, time.Second)) / time.Second)
	f.mu.Lock()
	defer f.mu.Unlock()
	if second < len(f.due) {
		f.due[second] = append(f.due[second], w)
	}
}

// act does what w is about to do, and returns after how long it acts again.
func (f *fleet) act(w *workspace) time.Duration {
	switch {
	case w.releasing:
		return f.release(w)
	case w.id == "":
		return f.start(w)
	case time.Now().After(w.ends):
		w.releasing, w.tries = true, 0
		return f.release(w)
	}
	o := f.operation(w, w.kind.operation())
	if w.kind == behind {
		f.call(w, &o)
	} else {
		f.pull(w, &o)
	}
	f.judge.note(o)
	return w.kind.pause(w)
}

// pause draws how long a workspace does something else. A call by the gateway is
// the dearest thing to simulate, so those behind it work less often.
func (k kind) pause(w *workspace) time.Duration {
	if k == behind {
		return w.between(time.Hour, 3*time.Hour)
	}
	return w.between(15*time.Minute, 45*time.Minute)
}

// of returns how many workspaces there are of a kind.
func (f *fleet) of(k kind) (n int) {
	for i := range f.workspaces {
		if f.workspaces[i].kind == k {
			n++
		}
	}
	return n
}

// start begins a life in w's place.
func (f *fleet) start(w *workspace) time.Duration {
	w.life++
	w.id = fmt.Sprintf("ws-%d-%d", w.place, w.life)
	w.started, w.ends = time.Now(), time.Now().Add(w.between(2*time.Hour, 14*time.Hour))
	f.records.add(w)
	o := f.operation(w, starting)
	f.boot(w, &o)
	f.judge.note(o)
	if o.failed != "" { // the platform tries again
		f.records.remove(w.id)
		w.id = ""
		return w.between(20*time.Second, time.Minute)
	}
	return w.between(time.Minute, 20*time.Minute)
}

// release ends w's life. The platform calls again until nothing of it lives.
func (f *fleet) release(w *workspace) time.Duration {
	f.records.remove(w.id)
	if w.tries++; w.tries == 1 {
		f.stale(w)
	}
	o := f.operation(w, releasing)
	again := f.end(w, &o)
	f.judge.note(o)
	if o.failed != "" {
		return again
	}
	f.judge.released(f, w)
	w.releasing, w.id, w.bearer, w.token = false, "", "", ""
	return w.between(10*time.Second, time.Minute)
}
