// Package install wires git and gh to the command by files: git's
// configuration, and links to the command.
package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// Details is the help of the subcommand.
const Details = `Writes git's configuration, so that git asks this program for the hosts in
PROVISIONKIT_HOSTS also where nothing in its environment says so. This program needs
PROVISIONKIT_URL and the bearer there all the same: sudo, ssh and cron have to be
told to keep them (env_keep in sudoers, SetEnv in sshd_config, lines of the crontab).
Puts links to this program named gh and git-askpass-provisionkit into DIR. What is right
already stays as it is, and what can fail is tried before anything is changed. Other
hosts keep their helpers.

  --global    write the configuration of your git (the default)
  --system    write that of everybody's git: for the image of a workspace
  --dir DIR   where the links go (default: the folder of this program). On the PATH it
              has to stand before the folder of the real gh. A program of that name that
              isn't this one is never replaced.

It asks no platform for a token. That is for doctor, in a workspace.
`

// options are install's arguments.
type options struct {
	dir   string // absolute, and there
	scope string // --global or --system
}

// Run wires git and gh.
func Run(ctx context.Context, p *process.Process, args []string) int {
	ctx, cancel := context.WithTimeout(ctx, process.Timeout)
	defer cancel()

	path, err := self.Path(p)
	if err != nil {
		return p.Fail(err)
	}
	opts, err := readOptions(args, filepath.Dir(path))
	if err != nil {
		return p.Fail(err)
	}
	hosts, err := config.ReadHosts(p.Env)
	if err != nil {
		return p.Fail(err)
	}
	done, err := install(ctx, p, opts, path, hosts)
	for _, line := range done {
		fmt.Fprintln(p.Stdout, line)
	}
	if err != nil {
		return p.Fail(err)
	}
	if first := p.Programs("gh"); len(first) > 0 && !self.Is(first[0]) {
		fmt.Fprintf(p.Stdout, "but the PATH has %s first: put %s before its folder\n",
			first[0], opts.dir)
	}
	fmt.Fprintf(p.Stdout, "now run %s doctor in a workspace: it tries what git and gh get\n",
		gitcredential.DefaultCommand)
	return 0
}

// install makes everything ready out of sight, so that what can fail has failed
// before anything is changed. It returns what it did.
func install(
	ctx context.Context, p *process.Process, opts options, path string, hosts []string,
) (done []string, err error) {
	linking, err := stageLinks(opts.dir, path)
	if err != nil {
		return nil, err
	}
	defer linking.discard()
	git, err := stageGitConfig(ctx, p, opts.scope, path, hosts)
	if err != nil {
		return nil, err
	}
	defer git.discard(ctx)
	configured, err := git.commit(ctx)
	if err != nil {
		return configured, err
	}
	linked, err := linking.commit()
	return append(configured, linked...), err
}

// readOptions reads args; dir is the default folder of the links.
func readOptions(args []string, dir string) (options, error) {
	opts := options{dir: dir, scope: "--global"}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		value, hasValue := strings.CutPrefix(arg, "--dir=")
		switch {
		case arg == "--global" || arg == "--system":
			opts.scope = arg
		case hasValue:
			opts.dir = value
		case arg == "--dir" && len(args) > 0:
			opts.dir, args = args[0], args[1:]
		default:
			return options{}, process.ErrArguments
		}
	}
	if opts.dir == "" {
		return options{}, errors.New("--dir needs a folder")
	}
	dir, err := filepath.Abs(opts.dir)
	if err != nil {
		return options{}, fmt.Errorf("--dir: %w", err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return options{}, fmt.Errorf("there is no folder %s: "+
			"make it, or name another one with --dir", dir)
	}
	opts.dir = dir
	return opts, nil
}
