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

// Command is one run of git-credential-provisionkit. It sees nothing of its process but these fields, and the folder and
// file that it runs in and of. The programs that exec and gh run are its children.
type Command struct {
	Args    []string                 // the name of the program, then its arguments
	Env     func(name string) string // as os.Getenv; nil: what Environ says
	Environ []string                 // as os.Environ(): the environment of the programs that it starts
	Stdin   io.Reader                // nil: empty
	Stdout  io.Writer                // nil: discarded, as Stderr
	Stderr  io.Writer

	// replace puts another program in the place of this process; nil: the program becomes a child.
	replace func(path string, argv, environ []string) error
}

// Main is the command as a process: it runs with the arguments, environment and standard streams of this one and
// returns the exit code. On Unix exec and gh put another program in its place and don't return.
//
// A program that links it runs it when its own name, os.Args[0] without folder, is [gitcredential.DefaultCommand], gh or
// git-askpass-provisionkit; install makes links of the latter two.
func Main() int {
	c := &Command{
		Args: os.Args, Env: os.Getenv, Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		replace: replaceProcess,
	}
	return c.Run(context.Background())
}

// subcommand is what one word on the command line stands for.
type subcommand struct {
	name    string
	usage   string // its arguments, for the help text
	help    string // in a line
	details string // for whoever wants to know more; "" where there isn't more
	run     func(c *Command, ctx context.Context, args []string) int
}

// subcommands are all of them, in the order of the help text.
func subcommands() []subcommand {
	return []subcommand{
		{"get", "", "print a credential for the request on standard input", "", (*Command).git},
		{"store", "", "do nothing: tokens aren't kept for git", "", (*Command).git},
		{"erase", "", "report the token on standard input as refused", "", (*Command).git},
		{"capability", "", "print what this helper can do for git", "", (*Command).git},
		{"token", "[--json]", "print a live token", tokenDetails, (*Command).token},
		{"exec", "-- CMD [ARG...]", "run CMD with a live GH_TOKEN and GITHUB_TOKEN", execDetails, (*Command).exec},
		{"gh", "[ARG...]", "run the real gh with a live token", ghDetails, (*Command).gh},
		{"askpass", "PROMPT", "answer git's prompt for a user name or password", askpassDetails, (*Command).askpass},
		{"install", "[--dir DIR] [--global|--system]", "configure git and link gh", installDetails, (*Command).install},
		{"doctor", "[--json]", "tell what is wrong here and what to do about it", doctorDetails, (*Command).doctor},
		{"version", "", "print the version", "", (*Command).version},
		{"help", "[SUBCOMMAND]", "print this text, or more on a subcommand", "", (*Command).help},
	}
}

// Run executes the command and returns its exit code: 0, or 1 after a line on Stderr that says what is wrong; exec and gh
// have that of the program that they run. ctx bounds it, and what fetches a token is bounded by 30 s anyway.
func (c *Command) Run(ctx context.Context) int {
	c = c.withDefaults().asLinked()
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
			if sub.wantsHelp(args) {
				return c.help(ctx, []string{name})
			}
			return sub.run(c, ctx, args)
		}
	}
	if c.isGit(name, args) {
		return 0
	}
	return c.fail(errSubcommand)
}

// wantsHelp reports whether it is the subcommand itself that args ask for help. What git calls has no help: git would
// take it for an answer. The help of gh is gh's own.
func (s subcommand) wantsHelp(args []string) bool {
	return len(args) == 1 && (args[0] == "--help" || args[0] == "-h") && s.details != "" && s.name != "gh"
}

// isGit reports whether it may be git that asks for something this version doesn't know, which it has to ignore without
// a word: git passes one word and writes to a pipe. Anything else is a person's or script's mistake.
func (c *Command) isGit(name string, args []string) bool {
	return len(args) == 0 && !strings.HasPrefix(name, "-") && !isTerminal(c.Stdin)
}

func (c *Command) withDefaults() *Command {
	d := *c
	if d.Env == nil {
		d.Env = func(name string) string { return valueOf(d.Environ, name) }
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
	fmt.Fprintf(c.Stderr, "%s: %s\n", gitcredential.DefaultCommand, sentence(err))
	return 1
}

// What was typed isn't repeated: a token gets into the wrong place easily.
var (
	errSubcommand = errors.New("there is no such subcommand: see " + gitcredential.DefaultCommand + " --help")
	errArguments  = errors.New("too many or unknown arguments: see " + gitcredential.DefaultCommand + " --help")
)
