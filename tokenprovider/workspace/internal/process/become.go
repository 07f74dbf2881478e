package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
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
// its place, with process id, signals and terminal. Elsewhere it is a child, as
// [Process.Await] runs it.
func (p *Process) Become(ctx context.Context, path string, argv, environ []string) int {
	if p.Replace == nil {
		return p.Await(ctx, path, argv, environ)
	}
	return p.cannotRun(path, p.Replace(path, argv, environ))
}

// cannotRun tells why the program at path wasn't run, and returns the exit code
// for that.
func (p *Process) cannotRun(path string, err error) int {
	if reason, ok := errors.AsType[syscall.Errno](err); ok {
		err = reason // the rest of it is the path
	}
	p.Fail(fmt.Errorf("%s can't be run: %w", path, err))
	return exitCannotRun
}
