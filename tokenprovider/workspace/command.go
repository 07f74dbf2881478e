package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// timeout bounds a subcommand that fetches a token, its wait for standard input and for other helpers included.
const timeout = 30 * time.Second

// Command is one run of git-credential-provisionkit. It sees nothing of its process but these fields.
type Command struct {
	Args    []string                 // the name of the program, then its arguments
	Env     func(name string) string // as os.Getenv; nil: no variable is set
	Environ []string                 // as os.Environ(): the environment of the programs that it starts
	Stdin   io.Reader                // nil: empty
	Stdout  io.Writer                // nil: discarded, as Stderr
	Stderr  io.Writer
}

// Main is the command as a process: it runs with the arguments, environment and standard streams of this one and
// returns the exit code. A program that links it runs it when its own name, os.Args[0] without folder, is
// [gitcredential.DefaultCommand].
func Main() int {
	c := &Command{Args: os.Args, Env: os.Getenv, Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	return c.Run(context.Background())
}

// subcommand is what one word on the command line stands for.
type subcommand struct {
	name  string
	usage string // its arguments, for the help text
	help  string
	run   func(c *Command, ctx context.Context, args []string) int
}

// subcommands are all of them, in the order of the help text.
func subcommands() []subcommand {
	return []subcommand{
		{"get", "", "print a credential for the request on standard input", (*Command).git},
		{"store", "", "do nothing: tokens aren't kept for git", (*Command).git},
		{"erase", "", "report the token on standard input as refused", (*Command).git},
		{"capability", "", "print what this helper can do for git", (*Command).git},
		{"token", "[--json]", "print a live token", (*Command).token},
		{"version", "", "print the version", (*Command).version},
		{"help", "", "print this text", (*Command).help},
	}
}

// Run executes the command and returns its exit code: 0, or 1 after a line on Stderr that says what is wrong. ctx bounds
// it, and a get, erase or token is bounded by 30 s anyway.
func (c *Command) Run(ctx context.Context) int {
	c = c.withDefaults()
	if len(c.Args) < 2 {
		fmt.Fprint(c.Stderr, helpText())
		return 1
	}
	name, args := c.Args[1], c.Args[2:]
	switch name {
	case "-h", "--help":
		name = "help"
	case "--version":
		name = "version"
	}
	for _, sub := range subcommands() {
		if sub.name == name {
			return sub.run(c, ctx, args)
		}
	}
	if c.isGit(name, args) {
		return 0
	}
	return c.fail(errSubcommand)
}

// isGit reports whether it may be git that asks for something this version doesn't know, which it has to ignore without
// a word: git passes one word and writes to a pipe. Anything else is a person's or script's mistake.
func (c *Command) isGit(name string, args []string) bool {
	if len(args) > 0 || strings.HasPrefix(name, "-") {
		return false
	}
	file, ok := c.Stdin.(*os.File)
	if !ok {
		return true
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0
}

func (c *Command) withDefaults() *Command {
	d := *c
	if d.Env == nil {
		d.Env = func(string) string { return "" }
	}
	if d.Stdin == nil {
		d.Stdin = strings.NewReader("")
	}
	if d.Stdout == nil {
		d.Stdout = io.Discard
	}
	if d.Stderr == nil {
		d.Stderr = io.Discard
	}
	return &d
}

// fail tells the person in front of the command about err, in one line.
func (c *Command) fail(err error) int {
	fmt.Fprintf(c.Stderr, "%s: %s\n", gitcredential.DefaultCommand, gitcredential.Sentence(err))
	return 1
}

// What was typed isn't repeated: a token gets into the wrong place easily.
var (
	errSubcommand = errors.New("there is no such subcommand: see " + gitcredential.DefaultCommand + " --help")
	errArguments  = errors.New("too many or unknown arguments: see " + gitcredential.DefaultCommand + " --help")
)
