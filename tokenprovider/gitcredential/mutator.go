package gitcredential

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/molecule-ai/provisionkit/internal/gitconfig"
	"github.com/molecule-ai/provisionkit/internal/wire"
)

// DefaultCommand is the default of [MutatorOptions].Command, found on the PATH
// of the workspace.
const DefaultCommand = "git-credential-provisionkit"

// EnvHosts is PROVISIONKIT_HOSTS, which has the hosts that the helper in a
// workspace serves, separated by commas; see [ParseHosts].
const EnvHosts = wire.EnvHosts

// MutatorOptions say how a [Mutator] configures git.
type MutatorOptions struct {
	// Hosts are those that the helper is for, each `host` or `host:port`. Nil:
	// [DefaultHost] alone.
	Hosts []string

	// Command is the helper's program in the workspace: its path, or a name
	// that is looked up in the PATH there. It may have spaces in it. Default:
	// [DefaultCommand].
	Command string

	// Inline makes the helper a line of shell, for images to which no binary
	// can be added; Command must then be empty. See "Without a binary" in the
	// package comment for what it needs and lacks.
	Inline bool

	// KeepHelpers leaves other helpers of these hosts in place: git asks them
	// first, and tells them each token that worked, so that credential-store
	// would write it to disk. It is for platforms whose way of passing
	// variables drops those without a value: the entry that removes other
	// helpers has none, and without it every git command would fail. A
	// ConfigFile has no such problem.
	KeepHelpers bool

	// OnFailure is what git is told when there is no token. With [Quit],
	// PROVISIONKIT_ON_FAILURE is set to "quit"; agents that run in a terminal
	// need that, since git would otherwise wait for somebody to type a user
	// name. With [FallThrough], the default, the workspace's own
	// PROVISIONKIT_ON_FAILURE decides.
	OnFailure OnFailure

	// ConfigFile is an absolute, clean path inside the workspace. If it is set,
	// git is configured by that file, which GIT_CONFIG_SYSTEM names, and not by
	// the variables of [AppendEnv]. It is for workspaces in which programs pass
	// on no variable with KEY, TOKEN or SECRET in its name, and for images with
	// GIT_CONFIG_COUNT in their own environment. See "By a file" in the package
	// comment for what it needs and lacks. Empty: no file.
	ConfigFile string

	// SystemConfig is the absolute, clean path of the system configuration of
	// the image's git, which the ConfigFile includes if it exists. Default:
	// /etc/gitconfig, as on Linux distributions.
	SystemConfig string

	// UseHTTPPath makes git tell the helper the path of each URL of these
	// hosts, so that the platform learns which repository the token is for. See
	// "Which repository" in the package comment for its limits.
	UseHTTPPath bool

	// CacheFor is how long git keeps a token in the memory of its
	// credential-cache, which bridges outages of the platform: rounded up to
	// whole seconds, and at most [DefaultMinTTL]. See "With git's cache" in the
	// package comment for its limits. 0: git asks the helper each time.
	CacheFor time.Duration
}

// Mutator is a plugin that makes git in a workspace ask a credential helper: by
// environment variables, or with [MutatorOptions].ConfigFile by a file that a
// variable names. It satisfies provisionhook's EnvMutator and FileMutator
// without importing that package, and is safe for concurrent use. Make it with
// [NewMutator]; the zero Mutator does nothing.
type Mutator struct {
	hosts    string // the value of EnvHosts
	quit     bool
	cacheFor time.Duration
	entries  []Entry
	file     gitconfig.File // none where the entries go into the environment
}

// NewMutator returns a [Mutator]; nil opts mean the defaults. The error names
// the option that can't be used: a malformed host, command or path, an empty
// list of hosts, Inline together with a Command, a SystemConfig without a
// ConfigFile or equal to it, an unknown OnFailure, or a CacheFor out of range.
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
	switch {
	case opts.OnFailure != FallThrough && opts.OnFailure != Quit:
		return nil, fmt.Errorf("gitcredential: MutatorOptions.OnFailure is %d: use FallThrough or Quit",
			opts.OnFailure)
	case opts.CacheFor < 0 || opts.CacheFor > DefaultMinTTL:
		return nil, fmt.Errorf("gitcredential: MutatorOptions.CacheFor is %s: use 0 to %s",
			opts.CacheFor, DefaultMinTTL)
	}
	m := &Mutator{
		hosts: strings.Join(hosts, ","), quit: opts.OnFailure == Quit,
		cacheFor: (opts.CacheFor + time.Second - 1).Truncate(time.Second),
	}
	for _, host := range hosts {
		section := "credential.https://" + host
		key := section + ".helper"
		if !opts.KeepHelpers {
			m.entries = append(m.entries, Entry{Key: key})
		}
		if m.cacheFor > 0 {
			cache := fmt.Sprintf("cache --timeout=%d", m.cacheFor/time.Second)
			m.entries = append(m.entries, Entry{Key: key, Value: cache})
		}
		m.entries = append(m.entries, Entry{Key: key, Value: helper})
		if opts.UseHTTPPath {
			m.entries = append(m.entries, Entry{Key: section + ".useHttpPath", Value: "true"})
		}
	}
	for _, option := range []struct{ name, path string }{
		{"ConfigFile", opts.ConfigFile}, {"SystemConfig", opts.SystemConfig},
	} {
		if option.path != "" && !wire.IsCleanAbs(option.path) {
			return nil, fmt.Errorf("gitcredential: MutatorOptions.%s %q is not an absolute, clean path", option.name, option.path)
		}
	}
	if m.file, err = gitconfig.NewFile(opts.ConfigFile, opts.SystemConfig); err != nil {
		return nil, fmt.Errorf("gitcredential: MutatorOptions: %w", err)
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

// MutateEnv adds, with [AppendEnv], two entries for each host: one that removes
// the helpers configured so far, since a repository can have one that git would
// ask first, and one with ours. With a ConfigFile it sets GIT_CONFIG_SYSTEM
// instead. It sets PROVISIONKIT_HOSTS, and for OnFailure and CacheFor
// PROVISIONKIT_ON_FAILURE and PROVISIONKIT_CACHE_FOR. Other hosts keep their
// helpers. A second call changes nothing. It returns an error, and leaves env
// unchanged, where AppendEnv does, and if env makes git ignore the ConfigFile
// or names another one.
func (m *Mutator) MutateEnv(_ context.Context, _ string, env map[string]string) error {
	if len(m.entries) == 0 {
		return nil
	}
	if env == nil {
		return errors.New("gitcredential: MutateEnv on a nil environment")
	}
	if m.file.Path() == "" {
		if err := AppendEnv(env, m.entries...); err != nil {
			return err
		}
	} else if err := m.file.SetEnv(env); err != nil {
		return fmt.Errorf("gitcredential: %w", err)
	}
	env[EnvHosts] = m.hosts
	if m.quit {
		env[wire.EnvOnFailure] = "quit"
	}
	if m.cacheFor > 0 {
		env[wire.EnvCacheFor] = m.cacheFor.String()
	}
	return nil
}

// MutateFiles contributes the ConfigFile, if there is one. If another mutator
// contributed the file, it adds to it. A second call changes nothing.
func (m *Mutator) MutateFiles(_ context.Context, _ string, files map[string][]byte) error {
	if m.file.Path() == "" {
		return nil
	}
	if files == nil {
		return errors.New("gitcredential: MutateFiles on a nil map of files")
	}
	m.file.AddTo(files, gitconfig.Settings(m.entries))
	return nil
}
