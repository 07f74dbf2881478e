package gitcredential

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// DefaultCommand is the helper that git runs where no other is named: found on the PATH of the workspace.
const DefaultCommand = "git-credential-provisionkit"

// EnvHosts is the variable that tells the helper in a workspace which hosts it serves, separated by commas.
const EnvHosts = "PROVISIONKIT_HOSTS"

// MutatorOptions say how git is wired in a workspace.
type MutatorOptions struct {
	// Hosts that the helper is for, each `host` or `host:port`. nil: [DefaultHost] alone.
	Hosts []string

	// Command is the helper's program in the workspace, by its path or, found on the PATH there, its name; it may hold
	// spaces. Default: [DefaultCommand].
	Command string

	// Inline wires git with a helper that is a line of shell instead of a program, for images to which no binary can be
	// added; Command must then be empty. See "Without a binary" in the package comment for what it needs and lacks.
	Inline bool

	// KeepHelpers leaves other helpers of these hosts in place, to be asked first and to be told each token after it
	// worked: credential-store would write it to disk. It is for transports that drop variables without a value, where
	// the entry that wipes them would make every git command fail.
	KeepHelpers bool
}

// Mutator makes git in a workspace ask a credential helper, by environment variables alone: no file, no entrypoint and
// no image has to change. It satisfies provisionhook.EnvMutator and is safe for concurrent use.
type Mutator struct {
	opts MutatorOptions
}

// NewMutator is a Mutator with a copy of opts; nil means defaults. A host or command that can't be used is an error of
// MutateEnv.
func NewMutator(opts *MutatorOptions) *Mutator {
	m := &Mutator{}
	if opts != nil {
		m.opts = *opts
		m.opts.Hosts = slices.Clone(opts.Hosts)
	}
	if m.opts.Hosts == nil {
		m.opts.Hosts = []string{DefaultHost}
	}
	return m
}

// Name is "git-credential".
func (m *Mutator) Name() string { return "git-credential" }

// MutateEnv adds to env, for each host, an entry that wipes the helpers configured so far (a repository can bring its
// own, which git would ask first) and one that names ours, with [AppendEnv], and sets PROVISIONKIT_HOSTS. Other hosts
// keep their helpers. A second run changes nothing. On an error env is as it was.
func (m *Mutator) MutateEnv(_ context.Context, _ string, env map[string]string) error {
	hosts, err := canonicalHosts(m.opts.Hosts)
	if err != nil {
		return err
	}
	if len(hosts) == 0 {
		return errors.New("gitcredential: MutatorOptions.Hosts is empty: leave it nil for the default, or leave the mutator out")
	}
	helper, err := m.helper()
	if err != nil {
		return err
	}
	var entries []Entry
	for _, host := range hosts {
		key := "credential.https://" + host + ".helper"
		if !m.opts.KeepHelpers {
			entries = append(entries, Entry{Key: key})
		}
		entries = append(entries, Entry{Key: key, Value: helper})
	}
	if err := AppendEnv(env, entries...); err != nil {
		return err
	}
	env[EnvHosts] = strings.Join(hosts, ",")
	return nil
}

// helper is the value of git's configuration that names ours.
func (m *Mutator) helper() (string, error) {
	command := m.opts.Command
	switch {
	case m.opts.Inline && command != "":
		return "", errors.New("gitcredential: MutatorOptions has both Command and Inline: choose one")
	case m.opts.Inline:
		return inlineHelper, nil
	case strings.ContainsFunc(command, unicode.IsControl):
		return "", fmt.Errorf("gitcredential: MutatorOptions.Command %q holds a control character", command)
	case command == "":
		command = DefaultCommand
	}
	return "!" + quote(command), nil
}

// quote is s as one word of a POSIX shell. Git hands a helper that starts with "!" to sh, and that is the one form in
// which a path may hold spaces.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
