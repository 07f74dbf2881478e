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

// DefaultCommand is the helper that git runs where no other is named: found on
// the PATH of the workspace.
const DefaultCommand = "git-credential-provisionkit"

// EnvHosts is PROVISIONKIT_HOSTS, the variable that tells the helper in a
// workspace which hosts it serves, separated by commas.
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
	// value, where the entry that wipes them would make every git command fail;
	// with a ConfigFile there is no such entry.
	KeepHelpers bool

	// OnFailure is what git is told in the workspace when there is no token.
	// Default: [FallThrough], which writes nothing, so that the workspace's own
	// PROVISIONKIT_ON_FAILURE decides. With [Quit] that is set to "quit". Agents
	// that run in a terminal need it: git would wait for a user name there that
	// nobody types.
	OnFailure OnFailure

	// ConfigFile is an absolute, clean path inside the workspace. When it is
	// set, the wiring is a file, to which GIT_CONFIG_SYSTEM points, in place of
	// the variables of [AppendEnv]. It is for workspaces in which programs pass
	// on no variable with KEY, TOKEN or SECRET in its name, and for images with
	// GIT_CONFIG_COUNT in their own environment. See "By a file" in the package
	// comment for what it needs and lacks. Empty: no file.
	ConfigFile string

	// SystemConfig is where the image's git has its system configuration, an
	// absolute, clean path, for a ConfigFile, which includes it if it is there.
	// Default: /etc/gitconfig, as Linux distributions have it.
	SystemConfig string

	// UseHTTPPath has git tell the helper the path of each URL of these hosts,
	// so that the platform learns which repository the token is for. See "Which
	// repository" in the package comment.
	UseHTTPPath bool

	// CacheFor is how long git keeps a token in the memory of its own
	// credential-cache, in whole seconds (a fraction counts as one), at most
	// [DefaultMinTTL], and so rides out an outage of the platform. See "With git's
	// cache" in the package comment for its limits. 0: git asks each time.
	CacheFor time.Duration
}

// Mutator makes git in a workspace ask a credential helper, by environment
// variables alone or, with [MutatorOptions].ConfigFile, by a file that one of
// them names: no entrypoint and no image has to change. It satisfies
// provisionhook.EnvMutator and FileMutator and is safe for concurrent use.
// [NewMutator] makes one; the zero Mutator wires nothing.
type Mutator struct {
	hosts    string // the value of EnvHosts
	quit     bool
	cacheFor time.Duration
	entries  []Entry
	file     gitconfig.File // none where the entries go into the environment
}

// NewMutator returns a Mutator for opts; nil means defaults. It returns an
// error that names the option which can't be used: a host, command or path that
// is malformed, an empty list of hosts, Inline beside a Command, SystemConfig
// without a ConfigFile or at its path, an OnFailure that isn't one, a CacheFor
// out of its range.
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

// MutateEnv adds to env, for each host, an entry that wipes the helpers
// configured so far (a repository can bring its own, which git would ask first)
// and one that names ours, with [AppendEnv], or it names the ConfigFile. It sets
// PROVISIONKIT_HOSTS, and what OnFailure and CacheFor ask for. Other hosts keep
// their helpers. A second run changes nothing. It returns an error, and leaves
// env as it was, where AppendEnv does, and where git would not read the
// ConfigFile or lose another by it.
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

// MutateFiles contributes the ConfigFile, if there is one: to a file that is
// there, from another mutator that also wires git, it adds its part. A second
// run changes nothing.
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
