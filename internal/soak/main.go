// Command soak runs the whole system for as long as you like: a platform of two replicas on one store, a fake GitHub and
// a few hundred workspaces, some of which run the real git, while one fault after the other is injected. At its end it
// reports what came of each operation. The exit code is 1 when an operation was lost, something grew, or a secret was
// printed.
//
//	go -C internal/soak run . -for 2m
//	go -C internal/soak run . -for 1h -seed 42 -log /tmp/soak.log
//
// A seed says what goes wrong and when; without one each run has another, which it prints. Tokens live for 20 s instead of
// an hour, so that a minute is three hours.
//
// # When a token could be had
//
// The faults hit what mints tokens: GitHub's route for them, the app's key, the clock, the replicas' endpoints, the store.
// What workspaces do with their tokens, calls of the API and git, goes well, so that an operation fails only for the want
// of a live token. Such a failure is excused when no token could be had, and a loss otherwise. It is excused if
//
//   - the installation was suspended at the time: the API itself refuses what the workspace holds;
//   - GitHub's clock was moved ahead, which kills tokens before the time that was announced for them: until the first
//     workspace whose token has settled was refused and has told the platform; and later in a token's life for one
//     operation of a workspace per replica, as each replica can have a dead token and hears of it by that, less the try
//     that a [tokenprovider.Transport] makes at once;
//   - the last requests for this token, of this workspace or all of its installation, by one of the replicas were made to
//     fail, and the back-off that the documentation promises after so many failures in a row, or the wait that GitHub
//     asked for, isn't over: 1 s that doubles to 1 min, 30 s for a failure that isn't worth another try;
//   - the workspace's own cache has had such an answer, or couldn't reach a replica that was stopped, and its back-off
//     isn't over, or it was handed a token in its last two seconds. Git's helper has no cache: it asks each time.
//
// The last two excuse nothing as long as a token must be left: until the one that the workspace was handed last dies, and,
// when all was quiet before, until one dies that was replaced in time, with a quarter of its life left, or half of it
// for git; a program that has just begun was handed none. So a fault that is shorter loses nothing. A store that is
// stopped, slow mints and a key that is replaced in time excuse nothing at all.
//
// Whether a request was made to fail is known from the fault that was in force when it came, never from how the operation
// ended, and what is excused has to fail with the right code, or with a sentence of git's helper. On a machine that is
// busy everything takes longer; by how much is measured by requests that need no token.
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

// soak is the command: 0 when all went well, 1 when something was lost, leaked or grew, 2 when it couldn't run.
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
	flags.IntVar(&c.git, "git", 8, "how many of them run git")
	flags.DurationVar(&c.life, "life", 20*time.Second, "how long a token lives")
	flags.StringVar(&c.log, "log", "", "a file for everything that is logged")
	flags.BoolVar(&c.injectedOnly, "injected-only", false, "let workspaces use the token in their environment and never another one, to see the soak fail")
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
	case c.life < 2*time.Second:
		return c, errors.New("-life has to be at least 2s: expiries have whole seconds")
	}
	return c, nil
}

// rules are those of the tokens at hand.
func (c config) rules() rules {
	return rules{
		life: c.life, settle: c.life / 40, mintTimeout: 5 * time.Second,
		pace: 2500 * time.Millisecond, gitPace: 4 * time.Second, grace: time.Second,
	}
}

// warm is when nothing starts for the first time any more: all tokens have been replaced once.
func (c config) warm() time.Duration { return min(c.life, c.duration/4) }

// over is when the last fault is, so that all can recover before the end.
func (c config) over() time.Duration { return c.duration - min(c.life/2, c.duration/8) }

// run is a soak, from nothing to nothing. It reports to out, and is false when something is wrong.
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
	fmt.Fprintf(out, "soak: -for %s -seed %d -workspaces %d -git %d -life %s\n", c.duration, c.seed, c.workspaces, c.git, c.life)
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

// live is the time between.
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
	var warmMints int64
	if w.sleep(ctx, time.Until(w.began.Add(w.config.warm()-2*time.Second))) {
		warm = w.measure(2*time.Second, nil)
		warmMints = w.forge.minted.Load()
		injected = w.inject(working, faults, func(h happening) { fmt.Fprintf(out, "%s\n", h) })
	}
	w.sleep(ctx, time.Until(w.began.Add(w.config.duration)))
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
	return w.report(warm, end, w.forge.minted.Load()-warmMints), nil
}
