package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// Exit codes for a program that wasn't run, as env(1) has them.
const (
	exitCannotRun = 126
	exitNotFound  = 127
)

// NotRun returns the exit code for a program that can't be found or started
// because of err.
func NotRun(err error) int {
	if errors.Is(err, fs.ErrNotExist) {
		return exitNotFound
	}
	return exitCannotRun
}

// Become runs the program at path as what the command was started for, and
// returns its exit code. In a process of the command's own the program takes
// its place, with process id, signals and terminal. Elsewhere it is a child,
// which is asked to end when ctx does and has 5 s to do so.
func (p *Process) Become(ctx context.Context, path string, argv, environ []string) int {
	var err error
	if p.Replace != nil {
		err = p.Replace(path, argv, environ)
	} else {
		child := exec.CommandContext(ctx, path)
		child.Args, child.Env = argv, environ
		child.Stdin, child.Stdout, child.Stderr = p.Stdin, p.Stdout, p.Stderr
		child.Cancel = func() error {
			// Not before: what it left running may write for as long as it
			// likes.
			child.WaitDelay = cmp.Or(p.lastWords, lastWords)
			return askToEnd(child.Process)
		}
		if err = child.Run(); child.ProcessState != nil {
			return exitCode(child)
		}
	}
	if reason, ok := errors.AsType[syscall.Errno](err); ok {
		err = reason // the rest of it is the path
	}
	p.Fail(fmt.Errorf("%s can't be run: %w", path, err))
	return exitCannotRun
}

// Await does what [Process.Become] does for a program after which there is
// something to tidy up: it is a child in any case. An interrupt from the
// terminal reaches both processes, and is the program's; any other signal that
// would end this process ends the program first.
func (p *Process) Await(ctx context.Context, path string, argv, environ []string) int {
	if p.Replace != nil {
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
	}
	parent := *p
	parent.Replace = nil
	return parent.Become(ctx, path, argv, environ)
}

// lastWords is how long a program may take to end that was asked to.
const lastWords = 5 * time.Second

// askToEnd ends a process in the way that lets it tidy up, where the system has
// one.
func askToEnd(p *os.Process) error {
	if err := p.Signal(syscall.SIGTERM); err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Kill()
}

// exitCode returns a program's exit code, or 128 and the number of the signal
// that ended it, as shells have it.
func exitCode(ended *exec.Cmd) int {
	status, ok := ended.ProcessState.Sys().(syscall.WaitStatus)
	if code := ended.ProcessState.ExitCode(); code >= 0 || !ok {
		return code
	}
	return 128 + int(status.Signal())
}
