package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// Command is one run of git-credential-provisionkit, for tests and for programs
// that run it in their own process. Of its process it uses only these fields,
// the working folder and the path of the executable. The programs that exec and
// gh run are child processes.
type Command struct {
	Args    []string                 // the name of the program, then its arguments
	Env     func(name string) string // as os.Getenv; nil: by Environ
	Environ []string                 // as os.Environ(): for the programs that it starts
	Stdin   io.Reader                // nil: empty
	Stdout  io.Writer                // nil: discarded; so for Stderr
	Stderr  io.Writer
}

// Main runs the command with the arguments, environment and standard streams of
// this process, and returns the exit code. On Unix it doesn't return from exec,
// nor from gh if nothing is left to do after it: the other program takes the
// place of this process. If a signal ended gh, the same signal ends this
// process.
//
// A program that has it linked calls it when its own name, os.Args[0] without
// the folder, is [gitcredential.DefaultCommand], gh or
// git-askpass-provisionkit; install makes links with the latter two.
func Main() int {
	return run(context.Background(), &process.Process{
		Args: os.Args, Env: os.Getenv, Environ: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Replace: process.Replace,
	})
}

// Run runs the command and returns its exit code: 0, 1 after a line on Stderr
// that says what is wrong, or, of exec and gh, that of the program that they
// run. It ends when ctx does; getting a token also takes 30 s at most.
func (c *Command) Run(ctx context.Context) int { return run(ctx, c.process()) }

// process returns the process that c describes.
func (c *Command) process() *process.Process {
	p := &process.Process{
		Args: c.Args, Env: c.Env, Environ: c.Environ,
		Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr,
	}
	if p.Env == nil {
		p.Env = func(name string) string {
			value, _ := process.Lookup(p.Environ, name)
			return value
		}
	}
	if p.Stdin == nil {
		p.Stdin = strings.NewReader("")
	}
	if p.Stdout == nil {
		p.Stdout = io.Discard
	}
	if p.Stderr == nil {
		p.Stderr = io.Discard
	}
	return p
}

// What was typed isn't repeated: a token gets into the wrong place easily.
var errSubcommand = errors.New(
	"there is no such subcommand: see " + gitcredential.DefaultCommand + " --help")

// run runs the subcommand that p names.
func run(ctx context.Context, p *process.Process) int {
	asLinked(p)
	if len(p.Args) < 2 {
		fmt.Fprint(p.Stderr, helpText())
		return 1
	}
	name, args := p.Args[1], p.Args[2:]
	switch name {
	case "-h", "--help":
		name = "help"
	case "--version":
		name = "version"
	}
	for _, sub := range subcommands() {
		if sub.name == name {
			if sub.wantsHelp(args) {
				return help(ctx, p, []string{name})
			}
			return sub.run(ctx, p, args)
		}
	}
	if mayBeGit(p, name, args) {
		return 0
	}
	return p.Fail(errSubcommand)
}

// asLinked puts the subcommand that the program's name stands for into the
// arguments of p.
func asLinked(p *process.Process) {
	for _, link := range self.Links() {
		if len(p.Args) > 0 && self.Name(p.Args[0]) == link.Name {
			p.Args = append([]string{p.Args[0], link.Subcommand}, p.Args[1:]...)
			return
		}
	}
}

// mayBeGit reports whether it may be git that asks for something this version
// doesn't know, which it has to ignore without a word: git passes one word and
// writes to a pipe. Anything else is the mistake of a person or a script.
func mayBeGit(p *process.Process, name string, args []string) bool {
	return len(args) == 0 && !strings.HasPrefix(name, "-") && !process.IsTerminal(p.Stdin)
}
