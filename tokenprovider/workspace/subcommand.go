package workspace

import (
	"context"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/doctor"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/ghshim"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/install"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// subcommand is what one word on the command line stands for.
type subcommand struct {
	name    string
	usage   string // its arguments, for the help text
	help    string // in a line
	details string // for whoever wants to know more; "" where there isn't more
	run     func(ctx context.Context, p *process.Process, args []string) int
}

// subcommands returns all of them, in the order of the help text.
func subcommands() []subcommand {
	return []subcommand{
		{"get", "", "print a credential for the request on standard input", "", git},
		{"store", "", "do nothing: tokens aren't kept for git", "", git},
		{"erase", "", "report the token on standard input as refused", "", git},
		{"capability", "", "print what this helper can do for git", "", git},
		{"token", "[--json]", "print a live token", tokenDetails, token},
		{"exec", "-- CMD [ARG...]", "run CMD with a live GH_TOKEN and GITHUB_TOKEN",
			execDetails, execute},
		{"gh", "[ARG...]", "run the real gh with a live token", ghshim.Details, ghshim.Run},
		{"askpass", "PROMPT", "answer git's prompt for a user name or password",
			askpassDetails, askpass},
		{"install", "[--dir DIR] [--global|--system]", "configure git and link gh",
			install.Details, install.Run},
		{"doctor", "[--json]", "tell what is wrong here and what to do about it",
			doctor.Details, diagnose},
		{"version", "", "print the version", "", version},
		{"help", "[SUBCOMMAND]", "print this text, or more on a subcommand", "", help},
	}
}

// wantsHelp reports whether it is the subcommand itself that args ask for help.
// What git calls has no help: git would take it for an answer. The help of gh
// is gh's own.
func (s subcommand) wantsHelp(args []string) bool {
	asks := len(args) == 1 && (args[0] == "--help" || args[0] == "-h")
	return asks && s.details != "" && s.name != "gh"
}

// synopsis returns the subcommand as it is typed.
func (s subcommand) synopsis() string { return strings.TrimSpace(s.name + " " + s.usage) }

// text returns what there is to say about the subcommand.
func (s subcommand) text() string {
	if s.details != "" {
		return s.details
	}
	return strings.ToUpper(s.help[:1]) + s.help[1:] + ".\n"
}

// diagnose runs doctor, which asks for a token as git does.
func diagnose(ctx context.Context, p *process.Process, args []string) int {
	return doctor.Run(ctx, p, args, credential)
}
