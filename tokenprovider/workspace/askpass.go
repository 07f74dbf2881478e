package workspace

import (
	"context"
	"fmt"
	"regexp"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

const askpassDetails = `Answers git's PROMPT for a user name or password, for the hosts in PROVISIONKIT_HOSTS and
over https only; any other prompt gets no answer and exit code 1. It is for where no
credential helper can be configured. GIT_ASKPASS takes a program without arguments: set
it to the link named git-askpass-provisionkit, which install makes.

A prompt with a path in it, which credential.useHttpPath makes, gets no answer.

Git asks its helpers first, and tells none of them when a password that came from here is
refused: prefer the helper.
`

// gitPrompt is what git asks with (prompt.c and credential.c of its source).
// User name and host have no character with which one could pass for the other.
// A path, which only credential.useHttpPath adds, makes it no prompt of ours:
// git decodes the parts of a URL before it prints them, so that a slash need
// not be where the host ends.
const gitPrompt = `^(Username|Password) for 'https://(?:[A-Za-z0-9._~%-]*@)?([A-Za-z0-9.:_\[\]-]+)': ?$`

// askpass answers a prompt of git's.
func askpass(ctx context.Context, p *process.Process, args []string) int {
	if len(args) != 1 {
		return p.Fail(process.ErrArguments)
	}
	hosts, err := config.ReadHosts(p.Env)
	if err != nil {
		return p.Fail(err)
	}
	prompt := regexp.MustCompile(gitPrompt).FindStringSubmatch(args[0])
	if prompt == nil || !(gitcredential.Request{Protocol: "https", Host: prompt[2]}).For(hosts) {
		return 1
	}
	username, token, _, err := fetch(ctx, p)
	if err != nil {
		return p.Fail(fmt.Errorf("no token for %s: %w", prompt[2], err))
	}
	answer := token
	if prompt[1] == "Username" {
		answer = username
	}
	if _, err := fmt.Fprintln(p.Stdout, answer); err != nil {
		return p.Fail(err)
	}
	return 0
}
