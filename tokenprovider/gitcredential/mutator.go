package gitcredential

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// DefaultCommand is the helper that git runs where no other is named: found on
// the PATH of the workspace.
const DefaultCommand = "git-credential-provisionkit"

// EnvHosts is PROVISIONKIT_HOSTS, the variable that tells the helper in a workspace which hosts it
// serves, separated by commas.
const EnvHosts = wire.EnvHosts

// MutatorOptions say how git is wired in a workspace.
type MutatorOptions struct {
	// Hosts that the helper is for, each `host` or `host:port`. nil:
	// [DefaultHost] alone.
	Hosts []string

	// Command is the helper's program in the workspace, by its path or, found
	// on the PATH there, its name; it may hold spaces. Default:
	// [DefaultCommand].
	Command string

	// Inline wires git with a helper that is a line of shell instead of a
	// program, for images to which no binary can be added; Command must then be
	// empty. See "Without a binary" in the package comment for what it needs
	// and lacks.
	Inline bool

	// KeepHelpers leaves other helpers of these hosts in place, to be asked
	// first and to be told each token after it worked: credential-store would
	// write it to disk. It is for transports that drop variables without a
	// value, where the entry that wipes them would make every git command fail.
	KeepHelpers bool
}

// Mutator makes git in a workspace ask a credential helper, by environment
// variables alone: no file, no entrypoint and no image has to change. It
// satisfies provisionhook.EnvMutator and is safe for concurrent use.
// [NewMutator] makes one; the zero Mutator wires nothing.
type Mutator struct {
	hosts   string // the value of EnvHosts
	entries []Entry
}

// NewMutator returns a Mutator for opts; nil means defaults. It returns an
// error that names a host or command that can't be used, an empty list of
// hosts, and Inline beside a Command.
func NewMutator(opts *MutatorOptions) (*Mutator, error) {
	if opts == nil {
		opts = &MutatorOptions{}
	}
	hosts, err := servedHosts(opts.Hosts)
	switch {
	case err != nil:
		return nil, err
	case len(hosts) == 0:
		return nil, errors.New("gitcredential: MutatorOptions.Hosts is empty: " +
			"leave it nil for the default, or leave the mutator out")
	}
	helper, err := opts.helper()
	if err != nil {
		return nil, err
	}
	m := &Mutator{hosts: strings.Join(hosts, ",")}
	for _, host := range hosts {
		key := "credential.https://" + host + ".helper"
		if !opts.KeepHelpers {
			m.entries = append(m.entries, Entry{Key: key})
		}
		m.entries = append(m.entries, Entry{Key: key, Value: helper})
	}
	return m, nil
}

// helper returns the value of git's configuration that names the helper.
func (o *MutatorOptions) helper() (string, error) {
	switch {
	case o.Inline && o.Command != "":
		return "", errors.New("gitcredential: MutatorOptions has Command and Inline: choose one")
	case o.Inline:
		return inlineHelper, nil
	case strings.ContainsFunc(o.Command, unicode.IsControl):
		return "", fmt.Errorf("gitcredential: MutatorOptions.Command holds a control character: %q",
			o.Command)
	}
	return "!" + quote(cmp.Or(o.Command, DefaultCommand)), nil
}

// quote returns s as one word of a POSIX shell. Git hands a helper that starts
// with "!" to sh, and that is the one form in which a path may hold spaces.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Name returns "git-credential".
func (m *Mutator) Name() string { return "git-credential" }

// MutateEnv adds to env, for each host, an entry that wipes the helpers
// configured so far (a repository can bring its own, which git would ask first)
// and one that names ours, with [AppendEnv], and sets PROVISIONKIT_HOSTS. Other
// hosts keep their helpers. A second run changes nothing. It returns an error,
// and leaves env as it was, where AppendEnv does.
func (m *Mutator) MutateEnv(_ context.Context, _ string, env map[string]string) error {
	if len(m.entries) == 0 {
		return nil
	}
	if err := AppendEnv(env, m.entries...); err != nil {
		return err
	}
	env[EnvHosts] = m.hosts
	return nil
}
