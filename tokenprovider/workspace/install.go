package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

const installDetails = `Writes git's configuration, so that git asks this program for the hosts in PROVISIONKIT_HOSTS also
where nothing in its environment says so. This program needs PROVISIONKIT_TOKEN_URL and the bearer there
all the same: sudo, ssh and cron have to be told to keep them (env_keep in sudoers, SetEnv in
sshd_config, lines of the crontab). Puts links to this program named gh and git-askpass-provisionkit
into DIR. What is right already stays as it is, and what can fail is tried before anything is changed.
Other hosts keep their helpers.

  --global    write the configuration of your git (the default)
  --system    write that of everybody's git: for the image of a workspace
  --dir DIR   where the links go (default: the folder of this program). On the PATH it has to stand before
              the folder of the real gh. A program of that name that isn't this one is never replaced.

It asks no platform for a token. That is for doctor, in a workspace.
`

// installOptions are install's arguments.
type installOptions struct {
	dir   string // absolute, and there
	scope string // --global or --system
}

// install wires git and gh by files.
func (c *Command) install(ctx context.Context, args []string) int {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	path, err := c.commandPath()
	if err != nil {
		return c.fail(err)
	}
	opts, err := readInstallOptions(args, filepath.Dir(path))
	if err != nil {
		return c.fail(err)
	}
	hosts, err := readHosts(c.Env)
	if err != nil {
		return c.fail(err)
	}
	done, err := c.installAll(ctx, opts, path, hosts)
	for _, line := range done {
		fmt.Fprintln(c.Stdout, line)
	}
	if err != nil {
		return c.fail(err)
	}
	if first := c.programs("gh"); len(first) > 0 && !isCommand(first[0]) {
		fmt.Fprintf(c.Stdout, "but the PATH has %s first: put %s before its folder\n", first[0], opts.dir)
	}
	fmt.Fprintf(c.Stdout, "now run %s doctor in a workspace: it tries what git and gh get\n", gitcredential.DefaultCommand)
	return 0
}

// installAll makes everything ready out of sight, so that what can fail has failed before anything is changed. It says
// what it did.
func (c *Command) installAll(ctx context.Context, opts installOptions, path string, hosts []string) (done []string, err error) {
	linking, err := stageLinks(opts.dir, path)
	if err != nil {
		return nil, err
	}
	defer linking.discard()
	config, err := c.stageGitConfig(ctx, opts.scope, path, hosts)
	if err != nil {
		return nil, err
	}
	defer config.discard(ctx)
	configured, err := config.commit(ctx)
	if err != nil {
		return configured, err
	}
	linked, err := linking.commit()
	return append(configured, linked...), err
}

func readInstallOptions(args []string, dir string) (installOptions, error) {
	opts := installOptions{dir: dir, scope: "--global"}
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
			return installOptions{}, errArguments
		}
	}
	if opts.dir == "" {
		return installOptions{}, errors.New("--dir needs a folder")
	}
	dir, err := filepath.Abs(opts.dir)
	if err != nil {
		return installOptions{}, fmt.Errorf("--dir: %w", err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return installOptions{}, fmt.Errorf("there is no folder %s: make it, or name another one with --dir", dir)
	}
	opts.dir = dir
	return opts, nil
}
