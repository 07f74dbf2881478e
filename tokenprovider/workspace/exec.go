package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

const execDetails = `Runs CMD with a live token in GH_TOKEN and GITHUB_TOKEN, whatever they held before. CMD has the
standard streams, signals and terminal as if it had been started itself. CODESPACES is unset: gh would
give GITHUB_TOKEN to any host.

The token has ten minutes or half of its life left, and doesn't change while CMD runs. For longer
work let CMD use git, which asks for a new token each time, or run exec again for each step.

Exit code: that of CMD; 125 without a token, and CMD isn't run then; 126 if CMD can't be run; 127 if
there is no CMD. Of PATH only absolute folders are searched.
`

// Exit codes for a program that wasn't run, as env(1) has them.
const (
	exitOwn       = 125 // something before it went wrong
	exitCannotRun = 126
	exitNotFound  = 127
)

var errExec = errors.New("there is no command to run: use " + gitcredential.DefaultCommand + " exec -- CMD [ARG...]")

// exec runs a program with a live token in its environment.
func (c *Command) exec(ctx context.Context, args []string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	} else if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		c.fail(errArguments)
		return exitOwn
	}
	if len(args) == 0 || args[0] == "" {
		c.fail(errExec)
		return exitOwn
	}
	path, err := c.find(args[0])
	if err != nil {
		c.fail(err)
		return notRun(err)
	}
	token, _, err := c.fetch(ctx)
	if err != nil {
		c.fail(fmt.Errorf("the command isn't run: %w", err))
		return exitOwn
	}
	environ := without(c.Environ, envCodespaces)
	return c.become(ctx, path, args, with(with(environ, "GH_TOKEN", token), "GITHUB_TOKEN", token))
}

// find is the path of the program that a shell would run for name.
func (c *Command) find(name string) (string, error) {
	if filepath.Base(name) != name { // it has a folder
		return exec.LookPath(name)
	}
	if found := c.programs(name); len(found) > 0 {
		return found[0], nil
	}
	for _, folder := range filepath.SplitList(c.Env("PATH")) {
		if _, err := exec.LookPath(filepath.Join(folder, name)); filepath.IsAbs(folder) && errors.Is(err, fs.ErrPermission) {
			return "", err
		}
	}
	return "", fmt.Errorf("exec: there is no %q on the PATH: %w", name, fs.ErrNotExist)
}

// notRun is the exit code for a program that can't be found or started because of err.
func notRun(err error) int {
	if errors.Is(err, fs.ErrNotExist) {
		return exitNotFound
	}
	return exitCannotRun
}
