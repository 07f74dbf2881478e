package githubapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// MutatorOptions say what a [Mutator] or a [WorkspaceMutator] writes into an
// environment. The zero MutatorOptions are the defaults.
type MutatorOptions struct {
	Name         string   // default github-app-auth
	EnvNames     []string // the variables to set. nil: GITHUB_TOKEN and GH_TOKEN; empty but not nil: none
	KeepExisting bool     // touch none when one holds a token of the user's own

	// ShareTokens makes a [WorkspaceMutator] give workspaces with the same
	// installation and scope the same token, for fewer mints. A release then
	// revokes nothing. A [Mutator] ignores it.
	ShareTokens bool
}

const defaultName = "github-app-auth"

// injection is MutatorOptions with the defaults filled in.
type injection struct {
	name         string
	envNames     []string
	keepExisting bool
}

func newInjection(opts *MutatorOptions) injection {
	if opts == nil {
		opts = &MutatorOptions{}
	}
	in := injection{opts.Name, slices.Clone(opts.EnvNames), opts.KeepExisting}
	if in.name == "" {
		in.name = defaultName
	}
	if in.envNames == nil {
		in.envNames = []string{"GITHUB_TOKEN", "GH_TOKEN"}
	}
	return in
}

// validate returns an error if one of the names can't be a variable's.
func (in injection) validate() error {
	for _, name := range in.envNames {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return fmt.Errorf("githubapp: MutatorOptions.EnvNames holds %q, which is no variable's name", name)
		}
	}
	return nil
}

// inject writes the token that get returns into env, unless nothing is to be
// injected: then get isn't called.
func (in injection) inject(env map[string]string, a *App, get func() (string, error)) error {
	if env == nil {
		return errors.New("githubapp: the environment is nil")
	}
	if err := in.validate(); err != nil {
		return err
	}
	if len(in.envNames) == 0 || in.keepExisting && in.anyOwn(env, a) {
		return nil
	}
	token, err := get()
	if err != nil {
		return err
	}
	for _, name := range in.envNames {
		env[name] = token
	}
	return nil
}

// anyOwn reports whether one of the names holds a token that is the user's own.
// An installation token isn't, unless it says that it is another app's: a
// workspace that is started again with the environment of its last start brings a
// dead one along.
func (in injection) anyOwn(env map[string]string, a *App) bool {
	return slices.ContainsFunc(in.envNames, func(name string) bool {
		rest, isInstallations := strings.CutPrefix(env[name], "ghs_")
		app, _, names := strings.Cut(rest, "_")
		return env[name] != "" && (!isInstallations || names && a != nil && app != a.identity[1])
	})
}

// injectedTTL is the life that an injected token has at least, if GitHub's live
// for an hour: a workspace can't be given another. To ask for more would be a
// mint for each start.
const injectedTTL = tokenLife / 2

// longLived returns ctx with the wish for a token that is to be injected.
func longLived(ctx context.Context) context.Context {
	return tokenprovider.WithMinTTL(ctx, injectedTTL)
}

// Mutator is a plugin that writes an installation's token into the environment
// of every workspace, and provides fresh ones later. It satisfies
// provisionhook's EnvMutator and TokenProvider without importing that package.
// All methods are safe for concurrent use.
type Mutator struct {
	injection    injection
	installation *Installation // nil: not configured
}

var (
	_ tokenprovider.TokenProvider  = (*Mutator)(nil)
	_ tokenprovider.Invalidator    = (*Mutator)(nil)
	_ tokenprovider.StatusReporter = (*Mutator)(nil)
	_ tokenprovider.UsageReporter  = (*Mutator)(nil)
)

// NewMutator returns a [Mutator] of i's token; nil opts mean the defaults. All
// workspaces get the same token; to give each its own, see
// [NewWorkspaceMutator]. With a nil i each call for a token returns
// [tokenprovider.ErrNotConfigured]. If a name in opts.EnvNames can't be that of
// a variable, each [Mutator.MutateEnv] returns an error that names it.
func NewMutator(i *Installation, opts *MutatorOptions) *Mutator {
	return &Mutator{newInjection(opts), i}
}

// Name returns [MutatorOptions].Name.
func (m *Mutator) Name() string { return m.injection.name }

// MutateEnv sets the variables of [MutatorOptions].EnvNames in env to the
// token. It asks for one with at least half an hour to live. It returns an
// error, and leaves env unchanged, if env is nil or no token can be had.
func (m *Mutator) MutateEnv(ctx context.Context, _ string, env map[string]string) error {
	var app *App
	if m.installation != nil {
		app = m.installation.app
	}
	return m.injection.inject(env, app, func() (string, error) {
		token, _, err := m.Token(longLived(ctx))
		return token, err
	})
}

// Token returns what [Installation.Token] does.
func (m *Mutator) Token(ctx context.Context) (string, time.Time, error) {
	if m.installation == nil {
		return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeNotConfigured,
			Err: errors.New("githubapp: the Mutator has no Installation")}
	}
	return m.installation.Token(ctx)
}

// Invalidate does what [Installation.Invalidate] does.
func (m *Mutator) Invalidate(token string) bool {
	return m.installation != nil && m.installation.Invalidate(token)
}

// Status returns what [Installation.Status] does.
func (m *Mutator) Status() tokenprovider.Status {
	if m.installation == nil {
		return tokenprovider.Status{Name: m.injection.name, State: tokenprovider.StateEmpty}
	}
	return m.installation.Status()
}

// String returns the mutator's name and its installation as text.
func (m *Mutator) String() string {
	return fmt.Sprintf("githubapp.Mutator(%s: %v)", m.injection.name, m.installation)
}

// Format prints [Mutator.String] under every verb.
func (m *Mutator) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
