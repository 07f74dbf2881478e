package install

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// gitConfig is what install does to a file of git's configuration. All of it is
// done by git itself, which knows where the file is, locks it and replaces it
// whole.
type gitConfig struct {
	git     string // its path
	environ []string
	scope   string // --global or --system
	hosts   []string
	pending []string // the hosts that aren't wired yet, staged as sections 0 and so on
}

// stagedSection holds a host's entries until a single command of git's makes
// them the host's.
const stagedSection = "provisionkit-staged"

// stageGitConfig makes ready what is missing for git to ask program for hosts.
// For each host an entry wipes the helpers configured before, and another one
// names ours.
func stageGitConfig(
	ctx context.Context, p *process.Process, scope, program string, hosts []string,
) (*gitConfig, error) {
	paths := p.Programs("git")
	if len(paths) == 0 {
		return nil, errors.New("there is no git on the PATH to configure")
	}
	g := &gitConfig{git: paths[0], environ: gitEnviron(p.Environ), scope: scope, hosts: hosts}
	entries, err := g.entries(ctx)
	if err != nil {
		return nil, err
	}
	for _, host := range hosts {
		wanted, err := wiring(host, program)
		if err != nil {
			return nil, err
		}
		if isWired(entries, wanted) {
			continue
		}
		section := g.staged(len(g.pending))
		_, _ = g.run(ctx, "--remove-section", section) // of a run that was killed
		g.pending = append(g.pending, host)
		for _, entry := range wanted {
			if _, err := g.run(ctx, "--add", section+".helper", entry.Value); err != nil {
				g.discard(ctx)
				return nil, fmt.Errorf("git's configuration can't be written: %w", err)
			}
		}
	}
	return g, nil
}

// wiring returns the entries for host, as the mutator writes them into an
// environment.
func wiring(host, program string) ([]gitcredential.Entry, error) {
	env := map[string]string{}
	mutator, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Hosts: []string{host}, Command: program})
	if err != nil {
		return nil, err
	}
	if err := mutator.MutateEnv(context.Background(), "", env); err != nil {
		return nil, err
	}
	var entries []gitcredential.Entry
	for n := 0; env["GIT_CONFIG_KEY_"+strconv.Itoa(n)] != ""; n++ {
		number := strconv.Itoa(n)
		entries = append(entries, gitcredential.Entry{
			Key: env["GIT_CONFIG_KEY_"+number], Value: env["GIT_CONFIG_VALUE_"+number],
		})
	}
	return entries, nil
}

func (g *gitConfig) staged(n int) string { return stagedSection + "." + strconv.Itoa(n) }

// entries returns the credential helpers in the file, in its order.
func (g *gitConfig) entries(ctx context.Context) ([]gitcredential.Entry, error) {
	output, err := g.run(ctx, "--null", "--get-regexp", `^credential\..*helper$`)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return nil, nil // git has found none
	}
	if err != nil {
		return nil, fmt.Errorf("git's configuration can't be read: %w", err)
	}
	var entries []gitcredential.Entry
	for entry := range strings.SplitSeq(strings.TrimSuffix(output, "\x00"), "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		entries = append(entries, gitcredential.Entry{Key: key, Value: value})
	}
	return entries, nil
}

// isWired reports whether wanted are the last helpers of their host: of one
// that stands behind ours git would take answers too, and would give it our
// token to keep.
func isWired(entries, wanted []gitcredential.Entry) bool {
	concerned := slices.DeleteFunc(slices.Clone(entries), func(e gitcredential.Entry) bool {
		return e.Key != wanted[0].Key && e.Key != "credential.helper"
	})
	others := len(concerned) - len(wanted)
	return others >= 0 && slices.Equal(concerned[others:], wanted)
}

// commit makes the staged entries those of their hosts, at the end of the file
// and both at once. It returns what it did.
func (g *gitConfig) commit(ctx context.Context) (done []string, err error) {
	for n, host := range g.pending {
		_, err := g.run(ctx, "--rename-section", g.staged(n), "credential.https://"+host)
		if err != nil {
			return done, fmt.Errorf("git can't be configured for %s: %w", host, err)
		}
		done = append(done, fmt.Sprintf("git asks this program for %s now (git config %s)",
			host, g.scope))
	}
	if len(g.pending) == 0 {
		done = append(done, fmt.Sprintf("git asks this program for %s already (git config %s)",
			strings.Join(g.hosts, ", "), g.scope))
	}
	return done, nil
}

// discard removes what is staged still.
func (g *gitConfig) discard(ctx context.Context) {
	for n := range g.pending {
		_, _ = g.run(ctx, "--remove-section", g.staged(n))
	}
}

// run runs git config with args and returns its output; the error has what git
// says is wrong.
func (g *gitConfig) run(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"config", g.scope}, args...)
	stdout, stderr, err := process.Output(ctx, g.environ, "", g.git, args...)
	if err != nil && stderr != "" {
		err = fmt.Errorf("%s: %w", process.Line(stderr), err)
	}
	return stdout, err
}

// gitEnviron returns environ without what makes git look elsewhere than it does
// for its user: what git leaves in the environment of its own helpers and
// hooks, and configuration for one command.
func gitEnviron(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		keep := []string{"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"}
		return strings.HasPrefix(name, "GIT_") && !slices.Contains(keep, name)
	})
}
