// Package process has what the command uses of its process, so that a test can
// give it another one: arguments, environment and standard streams, the
// programs on the PATH, and ways to run one of them: [Output] for what it
// prints, [Process.Become] for a program that the command was started to run,
// and [Process.Await] for one after which there is something left to do.
package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// Timeout bounds a subcommand that fetches a token, with its wait for standard
// input and for other programs.
const Timeout = 30 * time.Second

// Process is what the command sees of the process that it runs in. All fields
// but Replace are set.
type Process struct {
	Args    []string                 // the name of the program, then its arguments
	Env     func(name string) string // returns the value of a variable
	Environ []string                 // the environment of the programs that it runs
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer

	// Replace puts another program in the place of this process. It is nil
	// where there is no process to replace: the program becomes a child then.
	Replace func(path string, argv, environ []string) error

	signals   chan os.Signal // those that were held back; nil: none
	endedBy   syscall.Signal // what ended the program that Await ran; 0: no signal
	lastWords time.Duration  // how long a program may take to end that was asked to; 0: 5 s
}

// ErrArguments is the error of a subcommand for arguments that it doesn't know.
// It doesn't repeat them: a token gets into the wrong place easily.
var ErrArguments = errors.New(
	"too many or unknown arguments: see " + gitcredential.DefaultCommand + " --help")

// maxLine bounds a line for a person, in characters.
const maxLine = 500

// Fail tells the person in front of the command about err, in one line that
// shows nothing that a terminal obeys, and returns the exit code.
func (p *Process) Fail(err error) int {
	fmt.Fprintf(p.Stderr, "%s: %s\n", gitcredential.DefaultCommand, Line(err.Error()))
	return 1
}

// Line returns text as a line for a person. What package gitcredential says
// needs no name of a package before it: that of the command stands there.
func Line(text string) string {
	return wire.OneLine(strings.TrimPrefix(text, "gitcredential: "), maxLine)
}

// IsTerminal reports whether a stream may be a terminal: a character device.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
