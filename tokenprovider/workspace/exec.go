package workspace

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/ghshim"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

const execDetails = `Runs CMD with a live token in GH_TOKEN and GITHUB_TOKEN, whatever they held before. CMD
has the standard streams, signals and terminal as if it had been started itself.
CODESPACES is unset: gh would give GITHUB_TOKEN to any host.

The token has ten minutes or half of its life left, and doesn't change while CMD runs.
For longer work let CMD use git, which asks for a new token each time, or run exec again
for each step.

Exit code: that of CMD; 125 without a token, and CMD isn't run then; 126 if CMD can't be
run; 127 if there is no CMD. Of PATH only absolute folders are searched.
`

// exitOwn is the exit code when something went wrong before the program, as
// env(1) has it.
const exitOwn = 125

var errExec = errors.New(
	"there is no command to run: use " + gitcredential.DefaultCommand + " exec -- CMD [ARG...]")

// execute runs a program with a live token in its environment.
func execute(ctx context.Context, p *process.Process, args []string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	} else if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		p.Fail(process.ErrArguments)
		return exitOwn
	}
	if len(args) == 0 || args[0] == "" {
		p.Fail(errExec)
		return exitOwn
	}
	path, err := p.Find(args[0])
	if err != nil {
		p.Fail(err)
		return process.NotRun(err)
	}
	_, token, _, err := fetch(ctx, p)
	if err != nil {
		p.Fail(fmt.Errorf("the command isn't run: %w", err))
		return exitOwn
	}
	environ := process.Without(p.Environ, ghshim.EnvCodespaces)
	environ = process.With(environ, "GH_TOKEN", token)
	return p.Become(ctx, path, args, process.With(environ, "GITHUB_TOKEN", token))
}
