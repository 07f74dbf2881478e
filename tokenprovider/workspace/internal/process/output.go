package process

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"
)

// MaxOutput bounds what is kept of a program's output, in bytes.
const MaxOutput = 1 << 20

// ErrOutput is the error of a program that printed more than [MaxOutput].
var ErrOutput = errors.New("the output is too large")

// Output runs the program at path to its end, with environ and nothing else in
// its environment, and returns what it printed. A program that prints more than
// [MaxOutput] to either stream, or still runs when ctx ends, is killed with all
// that it started. A signal from the terminal doesn't reach it.
func Output(
	ctx context.Context, environ []string, stdin, path string, args ...string,
) (stdout, stderr string, err error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	out, errOut := &buffer{full: end}, &buffer{full: end}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ, strings.NewReader(stdin), out, errOut
	cmd.WaitDelay = 5 * time.Second // for what it left behind, which may hold its output open
	inGroup(cmd)
	err = cmd.Run()
	if cause := context.Cause(ctx); errors.Is(cause, ErrOutput) {
		err = cause
	}
	return out.String(), errOut.String(), err
}

// buffer holds at most [MaxOutput] bytes. It is no bytes.Buffer: that has a
// ReadFrom, which io.Copy prefers to Write, and which knows no bound.
type buffer struct {
	content []byte
	full    func(error) // is told ErrOutput when something doesn't fit
}

// Write implements [io.Writer]. It takes p whole or not at all.
func (b *buffer) Write(p []byte) (int, error) {
	if len(p) > MaxOutput-len(b.content) {
		b.full(ErrOutput)
		return 0, ErrOutput
	}
	b.content = append(b.content, p...)
	return len(p), nil
}

func (b *buffer) String() string { return string(b.content) }
