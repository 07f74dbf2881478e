package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// become runs the program at path as what the command was for, and is its exit code. In a process of the command's own
// the program takes over, with process id, signals and terminal; elsewhere it is a child, which is asked to end when ctx
// does and has lastWords to do so.
func (c *Command) become(ctx context.Context, path string, argv, environ []string) int {
	var err error
	if c.replace != nil {
		err = c.replace(path, argv, environ)
	} else {
		child := exec.CommandContext(ctx, path)
		child.Args, child.Env = argv, environ
		child.Stdin, child.Stdout, child.Stderr = c.Stdin, c.Stdout, c.Stderr
		child.Cancel = func() error {
			child.WaitDelay = lastWords // from now on: what it left running may write for as long as it likes otherwise
			return askToEnd(child.Process)
		}
		if err = child.Run(); child.ProcessState != nil {
			return exitCode(child)
		}
	}
	if reason, ok := errors.AsType[syscall.Errno](err); ok {
		err = reason // the rest of it is the path
	}
	c.fail(fmt.Errorf("%s can't be run: %w", path, err))
	return exitCannotRun
}

// await is become for a program after which there is something to tidy up: it is a child in any case. An interrupt from
// the terminal reaches both, and is the program's; what else would end this process ends the program first.
func (c *Command) await(ctx context.Context, path string, argv, environ []string) int {
	if c.replace != nil {
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
	}
	parent := *c
	parent.replace = nil
	return parent.become(ctx, path, argv, environ)
}

// lastWords is how long a program may take to end that was asked to.
const lastWords = 5 * time.Second

// askToEnd ends a process in the way that lets it tidy up, where the system has one.
func askToEnd(p *os.Process) error {
	if err := p.Signal(syscall.SIGTERM); err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Kill()
}

// exitCode is a program's, or 128 and the number of the signal that ended it, as shells have it.
func exitCode(ended *exec.Cmd) int {
	if status, ok := ended.ProcessState.Sys().(syscall.WaitStatus); ok && ended.ProcessState.ExitCode() < 0 {
		return 128 + int(status.Signal())
	}
	return ended.ProcessState.ExitCode()
}
