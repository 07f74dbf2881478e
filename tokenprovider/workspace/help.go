package workspace

import (
	"context"
	"fmt"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// help prints what all subcommands are, or more on the one in args.
func help(_ context.Context, p *process.Process, args []string) int {
	if len(args) > 1 {
		return p.Fail(process.ErrArguments)
	}
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
		fmt.Fprint(p.Stdout, helpText())
		return 0
	}
	for _, sub := range subcommands() {
		if sub.name == args[0] {
			fmt.Fprintf(p.Stdout, "Usage: %s %s\n\n%s",
				gitcredential.DefaultCommand, sub.synopsis(), sub.text())
			return 0
		}
	}
	return p.Fail(errSubcommand)
}

func helpText() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Usage: %s SUBCOMMAND\n\n", gitcredential.DefaultCommand)
	text.WriteString("Gives git and other tools in a workspace a live token of its platform.\n\n")
	text.WriteString("Subcommands:\n")
	for _, sub := range subcommands() {
		fmt.Fprintf(&text, "  %-22s %s\n", sub.name+" "+sub.usage, sub.help)
	}
	text.WriteString(`
Git calls the first four; git-credential(1) describes the request and the answer.

Environment:
  PROVISIONKIT_URL          URL of the platform's token endpoint; required
  PROVISIONKIT_BEARER_FILE  file with the bearer that the workspace authenticates with, or
  PROVISIONKIT_BEARER       that bearer itself
  PROVISIONKIT_HOSTS        hosts to serve, separated by commas (default: github.com)
  PROVISIONKIT_ON_FAILURE   without a token: fallthrough (default), git asks its next helper
                            and gh runs without; or quit, both give up
  PROVISIONKIT_RETRY        for how long a platform that isn't there is asked again
                            (default: 20s; 0: it is asked once)
  PROVISIONKIT_CACHE_FOR    how long git's own cache, where one stands before this program,
                            may keep a token (default: it may not)
  PROVISIONKIT_ALLOW_HTTP   1: the endpoint may be plain http on another machine
  PROVISIONKIT_GH           path of the real gh (default: the first on the PATH that isn't
                            this program)
`)
	return text.String()
}
