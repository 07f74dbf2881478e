// Command soak runs the whole system for as long as you like: a platform of three
// replicas on one Redis, which has a replica itself, a fake GitHub and a few
// hundred workspaces, some of which run the real git and some of those behind a
// gateway, while one fault after the other is injected. At its end it reports
// what came of each operation. The exit code is 1 when an operation was lost,
// something grew, or a secret was printed.
//
//	go -C internal/soak run . -for 2m
//	go -C internal/soak run . -for 1h -seed 42 -log /tmp/soak.log
//
// A seed says what goes wrong and when; without one each run has another, which
// it prints. Tokens live for 20 s instead of an hour, so that a minute is three
// hours.
//
// # What is judged
//
// The faults hit what mints tokens: GitHub's route for them, the app's key, the
// clock, the replicas' endpoints, the store. What workspaces do with their
// tokens, calls of the API and git, goes well, so that an operation fails only
// for the want of a live token, or when a fault breaks its way: transfers are cut
// for a moment, and behind a gateway that of a replica that is gone. It must not
// fail
//
//   - while no fault is near that may take all tokens away: a slow GitHub, a key
//     that is replaced in time, a clock that is set back, a store that is gone
//     and one replica of three that is gone never excuse anything;
//   - through any fault, while the token that the workspace was handed last
//     lives and no jump of the clock and no suspension came since it was minted.
//
// How long a fault is near is one function in reach.go: the back-offs that the
// documentation promises, and what of a life a jump of the clock may have
// killed. After it all have to work again. An operation that isn't judged has
// to fail with a clear answer. A release that succeeded while the workspace's
// token still works is a loss, whatever goes wrong.
//
// A run prints how many operations were judged, and how many went well through
// each kind of fault. It fails when they are too few.
//
// The machine may have other things to do: while it is so busy that nothing can
// be in time, that is a fault like the others.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/molecule-ai/provisionkit/internal/sleep"
)

// config is what can be set.
type config struct {
	duration     time.Duration
	seed         uint64
	workspaces   int
	git          int
	life         time.Duration
	log          string
	injectedOnly bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := soak(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// soak runs the command and returns its exit code: 0 when all went well, 1 when
// something was lost, leaked or grew, 2 when it couldn't run.
func soak(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		var ok bool
		if ok, err = c.run(ctx, stdout); err == nil && !ok {
			return 1
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
		return 2
	}
	return 0
}

func parse(args []string, stderr io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&c.duration, "for", 2*time.Minute, "how long")
	flags.Uint64Var(&c.seed, "seed", 0, "what goes wrong and when; 0: another one each time")
	flags.IntVar(&c.workspaces, "workspaces", 300, "how many workspaces")
	flags.IntVar(&c.git, "git", 8, "how many of them run git, two of five through a gateway")
	flags.DurationVar(&c.life, "life", 20*time.Second, "how long a token lives")
	flags.StringVar(&c.log, "log", "", "a file for everything that is logged")
	flags.BoolVar(&c.injectedOnly, "injected-only", false,
		"let workspaces use the token in their environment and never another one, to see the soak fail")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if c.seed == 0 {
		c.seed = rand.Uint64N(1_000_000) + 1
	}
	switch {
	case flags.NArg() > 0:
		return c, fmt.Errorf("there is nothing to do with %q", flags.Args())
	case c.workspaces < 1 || c.git < 0 || c.git > c.workspaces:
		return c, errors.New("-git has to be from 0 to -workspaces, which has to be at least 1")
	case c.life < 8*time.Second: // a sixth of it, below which callers wait, is longer than that
		return c, errors.New("-life has to be at least 8s: the endpoint cuts expiries to whole seconds")
	}
	return c, nil
}

// String returns the flags that repeat a run.
func (c config) String() string {
	return fmt.Sprintf("-for %s -seed %d -workspaces %d -git %d -life %s",
		c.duration, c.seed, c.workspaces, c.git, c.life)
}

// settle returns how old a token has to be before a refusal of it means
// something.
func (c config) settle() time.Duration { return c.life / 40 }

// warm returns when nothing starts for the first time any more and all tokens
// have been replaced once.
func (c config) warm() time.Duration { return min(c.life, c.duration/4) }

// over returns when all have recovered from the last fault, with time left in
// which they have to work.
func (c config) over() time.Duration { return c.duration - min(c.life/2, c.duration/8) }

// run makes the world, lets it live, ends it and reports to out. It returns
// false when something is wrong.
func (c config) run(ctx context.Context, out io.Writer) (ok bool, err error) {
	var log io.Writer
	if c.log != "" {
		file, err := os.OpenFile(c.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return false, err
		}
		defer file.Close()
		log = file
	}
	atStart := runtime.NumGoroutine()
	j := newJournal(log)
	out = io.MultiWriter(out, j)
	fmt.Fprintf(out, "soak: %s\n", c)
	w, err := newWorld(ctx, c, j)
	if err != nil {
		return false, err
	}
	rep, err := w.live(ctx, out)
	w.close()
	if err != nil {
		return false, err
	}
	rep.goroutinesLeft, rep.stacks = leftGoroutines(atStart)
	rep.goroutinesAtStart = atStart
	rep.lines, rep.leaks = j.read()
	rep.write(out)
	return len(rep.problems) == 0, nil
}

// live lets all work while faults are injected.
func (w *world) live(ctx context.Context, out io.Writer) (*report, error) {
	var faults []fault
	if !w.config.injectedOnly { // which fails by itself
		faults = schedule(w.config.seed, w.config.warm(), w.config.over(), w.config.life)
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	wait := w.work(working)
	injected := func() error { return nil }
	var warm, end size
	var warmMints int
	if sleep.For(ctx, time.Until(w.began.Add(w.config.warm()*4/5))) {
		warm = w.measure(2*time.Second, nil)
		warmMints = w.forge.Mints()
		injected = w.inject(working, faults, func(h happening) { fmt.Fprintf(out, "%s\n", h) })
	}
	sleep.For(ctx, time.Until(w.began.Add(w.config.duration)))
	if ctx.Err() == nil {
		end = w.measure(10*time.Second, &warm)
	}
	stop()
	wait()
	if err := injected(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, errors.New("interrupted")
	}
	return w.report(warm, end, w.forge.Mints()-warmMints), nil
}
