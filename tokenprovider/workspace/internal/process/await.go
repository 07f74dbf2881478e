package process

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// endings are the signals that end a program by default and that somebody sends
// to end one.
var endings = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// Hold keeps signals from ending this process until Release, for as long as
// there is something to tidy up: they are the program's that Await runs. One
// that is ignored, as by nohup, stays so for both.
func (p *Process) Hold() {
	p.signals = make(chan os.Signal, len(endings))
	if p.Replace == nil {
		return // the process isn't the command's own
	}
	for _, s := range endings {
		if !signal.Ignored(s) {
			signal.Notify(p.signals, s)
		}
	}
}

// Release ends Hold. code is the exit code of the program that Await ran, and
// is returned, unless the program was ended by a signal: this process then ends
// by the same one, which its shell has to see, in whose eyes a program that
// handled an interrupt has dealt with it.
func (p *Process) Release(code int) int {
	signal.Stop(p.signals)
	if p.Replace != nil && p.endedBy != 0 {
		endBy(p.endedBy)
	}
	return code
}

// Await runs the program at path as a child, and returns its exit code. It is
// in the same process group: what the terminal sends reaches both, a stop and
// its end too. Signals that end are passed on, so that a program may get one
// twice. It is asked to end when ctx ends and has 5 s to do so. On Linux it
// doesn't outlive this process.
func (p *Process) Await(ctx context.Context, path string, argv, environ []string) int {
	child := exec.CommandContext(ctx, path)
	child.Args, child.Env = argv, environ
	child.Stdin, child.Stdout, child.Stderr = p.Stdin, p.Stdout, p.Stderr
	child.Cancel = func() error {
		// Not before: what it left running may write for as long as it likes.
		child.WaitDelay = cmp.Or(p.lastWords, lastWords)
		return askToEnd(child.Process)
	}
	if p.Replace != nil {
		runtime.LockOSThread() // which is the parent that the system looks at
		defer runtime.UnlockOSThread()
		child.SysProcAttr = endsWithParent()
	}
	if err := child.Start(); err != nil {
		return p.cannotRun(path, err)
	}
	ended, passed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(passed)
		for {
			select {
			case s := <-p.signals:
				_ = child.Process.Signal(s)
			case <-ended:
				return
			}
		}
	}()
	_ = child.Wait() // its state tells
	close(ended)
	<-passed
	return p.exitCode(child)
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
func (p *Process) exitCode(ended *exec.Cmd) int {
	status, ok := ended.ProcessState.Sys().(syscall.WaitStatus)
	if code := ended.ProcessState.ExitCode(); code >= 0 || !ok {
		return code
	}
	// The others leave a dump, of which one is enough.
	if s := status.Signal(); s == syscall.SIGKILL || s != syscall.SIGQUIT && slices.Contains(endings, os.Signal(s)) {
		p.endedBy = s
	}
	return 128 + int(status.Signal())
}
