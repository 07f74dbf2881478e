package workspace

import (
	"context"
	"fmt"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

func (c *Command) help(context.Context, []string) int {
	fmt.Fprint(c.Stdout, helpText())
	return 0
}

func helpText() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Usage: %s SUBCOMMAND\n\n", gitcredential.DefaultCommand)
	text.WriteString("Gives git and other tools in a workspace a live token of its platform.\n\nSubcommands:\n")
	for _, sub := range subcommands() {
		fmt.Fprintf(&text, "  %-17s %s\n", strings.TrimSpace(sub.name+" "+sub.usage), sub.help)
	}
	text.WriteString(`
Git calls the first four; its request and the answer are described in git-credential(1).

Environment:
  PROVISIONKIT_TOKEN_URL    URL of the platform's token endpoint; required
  PROVISIONKIT_BEARER_FILE  file with the bearer that the workspace authenticates with, or
  PROVISIONKIT_BEARER       that bearer itself
  PROVISIONKIT_HOSTS        hosts to serve, separated by commas (default: github.com)
  PROVISIONKIT_ON_FAILURE   without a token, let git ask elsewhere (fallthrough, the default) or give up (quit)
  PROVISIONKIT_ALLOW_HTTP   1: plain http to an endpoint that isn't on this machine
`)
	return text.String()
}
