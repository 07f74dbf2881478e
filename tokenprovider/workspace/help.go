package workspace

import (
	"context"
	"fmt"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// help prints what all subcommands are, or more on the one in args.
func (c *Command) help(_ context.Context, args []string) int {
	if len(args) > 1 {
		return c.fail(errArguments)
	}
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
		fmt.Fprint(c.Stdout, helpText())
		return 0
	}
	for _, sub := range subcommands() {
		if sub.name == args[0] {
			fmt.Fprintf(c.Stdout, "Usage: %s %s\n\n%s", gitcredential.DefaultCommand, sub.synopsis(), sub.text())
			return 0
		}
	}
	return c.fail(errSubcommand)
}

// synopsis is the subcommand as it is typed.
func (s subcommand) synopsis() string { return strings.TrimSpace(s.name + " " + s.usage) }

// text is what there is to say about the subcommand.
func (s subcommand) text() string {
	if s.details != "" {
		return s.details
	}
	return strings.ToUpper(s.help[:1]) + s.help[1:] + ".\n"
}

func helpText() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Usage: %s SUBCOMMAND\n\n", gitcredential.DefaultCommand)
	text.WriteString("Gives git and other tools in a workspace a live token of its platform.\n\nSubcommands:\n")
	for _, sub := range subcommands() {
		fmt.Fprintf(&text, "  %-22s %s\n", sub.name+" "+sub.usage, sub.help)
	}
	text.WriteString(`
Git calls the first four; its request and the answer are described in git-credential(1).

Environment:
  PROVISIONKIT_TOKEN_URL    URL of the platform's token endpoint; required
  PROVISIONKIT_BEARER_FILE  file with the bearer that the workspace authenticates with, or
  PROVISIONKIT_BEARER       that bearer itself
  PROVISIONKIT_HOSTS        hosts to serve, separated by commas (default: github.com)
  PROVISIONKIT_ON_FAILURE   without a token, let git ask elsewhere and gh try without (fallthrough, the default), or
                            give up (quit)
  PROVISIONKIT_ALLOW_HTTP   1: plain http to an endpoint that isn't on this machine
  PROVISIONKIT_GH           path of the real gh (default: the first on the PATH that isn't this program)
`)
	return text.String()
}
