package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/gitconfig"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// MutatorOptions say how workspaces authenticate to a [Gateway]. A Key or a
// BearerFile is required.
type MutatorOptions struct {
	// Key issues the bearers. The gateway's [Options].Auth has to accept them:
	// it is this key, or has it in a [tokenhttp.AnyOf]. Nil: somebody else
	// issues the bearers and keeps them in BearerFile.
	Key *tokenhttp.WorkspaceKey

	// TTL is the life of Key's bearers, which nobody renews. 0: they never
	// expire, and the gateway's [Options].Admit decides how long each is good
	// for.
	TTL time.Duration

	// BearerFile is an absolute path inside the workspace. The bearer is then
	// in that file, and not in the environment. Git gets a helper that reads
	// it; gh needs the shim of git-credential-provisionkit; other clients of
	// the API have to read the file themselves. Required without a Key. Empty:
	// the bearer is in the environment.
	BearerFile string

	// ConfigFile is an absolute, clean path inside the workspace. The
	// configuration and the bearer are then in files, and not in variables:
	// GIT_CONFIG_SYSTEM names this file, which includes /etc/gitconfig, and
	// gh's configuration is in a folder beside it. It is for workspaces in
	// which programs pass on no variable with KEY or TOKEN in its name. It
	// needs git 2.32. Only the workspace's user may be able to read the files.
	// It excludes BearerFile. Empty: no such files.
	ConfigFile string
}

// Mutator is a plugin that makes git, gh and API clients in a workspace use the
// gateway in place of the forge. It sets environment variables and, with a
// ConfigFile or a BearerFile, contributes files. It satisfies provisionhook's
// EnvMutator and FileMutator without importing that package, and is safe for
// concurrent use. Make it with [Gateway.Mutator] or [NewMutator].
type Mutator struct {
	base   *url.URL
	forge  Forge
	bearer *tokenhttp.Mutator
	file   string         // where the bearer is; "" for the environment
	config gitconfig.File // where the wiring is; none for the environment
}

// FileForge is a [Forge] whose clients can also be configured by files. It is
// asked where [MutatorOptions].ConfigFile is set.
type FileForge interface {
	// WireFiles adds files below folder that configure the forge's clients to
	// use base, the gateway's URL, and to authenticate with bearer. files has
	// contents by absolute path.
	WireFiles(files map[string][]byte, folder string, base *url.URL, bearer string)

	// WireFolder sets the variables in env that name folder for the clients,
	// unless they are set.
	WireFolder(env map[string]string, folder string)
}

// Mutator returns a [Mutator] for g. It checks at once that g accepts the
// bearers of [MutatorOptions].Key. The error says why g doesn't, or names what
// is missing or malformed. A TTL of zero without an [Options].Admit is an
// error, since nothing would ever end the bearers.
func (g *Gateway) Mutator(opts MutatorOptions) (*Mutator, error) {
	m, err := NewMutator(g.base.String(), g.options.Forge, opts)
	if err != nil {
		return nil, err
	}
	handler, err := tokenhttp.NewHandler(tokenhttp.One(nil), g.options.Auth, &tokenhttp.Options{Admit: g.options.Admit})
	if err != nil {
		return nil, err
	}
	if m.bearer, err = handler.Mutator(opts.tokenhttp(g.base)); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return m, nil
}

// NewMutator returns a [Mutator] for a gateway at baseURL that runs in another
// process. It can't check that the gateway accepts the bearers of
// [MutatorOptions].Key, as [Gateway.Mutator] does. The error names what is
// missing or malformed.
func NewMutator(baseURL string, forge Forge, opts MutatorOptions) (*Mutator, error) {
	base, err := parseBase(baseURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("gateway: the base URL %w", err)
	case foreign.IsNil(forge):
		return nil, errors.New("gateway: NewMutator needs a Forge, forge.GitHub's for example")
	case opts.ConfigFile != "" && opts.BearerFile != "":
		return nil, errors.New("gateway: MutatorOptions has a ConfigFile, which holds the bearer, and a BearerFile: choose one")
	case opts.ConfigFile != "" && !wire.IsCleanAbs(opts.ConfigFile):
		return nil, fmt.Errorf("gateway: MutatorOptions.ConfigFile %q is not an absolute, clean path", opts.ConfigFile)
	}
	config, err := gitconfig.NewFile(opts.ConfigFile, "")
	if err != nil {
		return nil, fmt.Errorf("gateway: MutatorOptions: %w", err)
	}
	bearer, err := tokenhttp.NewMutator(opts.tokenhttp(base))
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return &Mutator{base, forge, bearer, opts.BearerFile, config}, nil
}

// tokenhttp returns the options of what gives a workspace its bearer.
func (o MutatorOptions) tokenhttp(base *url.URL) tokenhttp.MutatorOptions {
	return tokenhttp.MutatorOptions{BaseURL: base.String(), Key: o.Key, TTL: o.TTL, BearerFile: o.BearerFile}
}

// Name returns "gateway".
func (m *Mutator) Name() string { return "gateway" }

// MutateEnv sets PROVISIONKIT_GATEWAY to the gateway's URL, the variables of
// the forge's clients ([Forge.Wire]), and git's configuration: which URLs git
// replaces by the gateway's, and the bearer or a helper that reads it from its
// file. With a ConfigFile it sets the variables that name the files instead. It
// keeps the configuration of git that env already has. On an error env is
// unchanged.
func (m *Mutator) MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	if env == nil {
		return errors.New("gateway: the environment is nil")
	}
	wired := maps.Clone(env)
	mutate := m.wireByEnv
	if m.config.Path() != "" {
		mutate = m.wireByFiles
	}
	if err := mutate(ctx, workspaceID, wired); err != nil {
		return err
	}
	if m.file != "" {
		wired[tokenhttp.EnvBearerFile] = m.file
	}
	wired[wire.EnvGateway] = m.base.String()
	clear(env)
	maps.Copy(env, wired)
	return nil
}

// wireByEnv sets all of the wiring in env.
func (m *Mutator) wireByEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	bearer, err := m.issue(ctx, workspaceID)
	if err != nil {
		return err
	}
	return gitcredential.AppendEnv(env, m.settings(m.forge.Wire(env, m.base, bearer), bearer)...)
}

// wireByFiles sets what names the files of MutateFiles.
func (m *Mutator) wireByFiles(_ context.Context, _ string, env map[string]string) error {
	m.forge.Wire(env, m.base, "") // what git takes the gateway for is in the file
	if forge, ok := m.forge.(FileForge); ok {
		forge.WireFolder(env, m.folder())
	}
	if err := m.config.SetEnv(env); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// MutateFiles contributes the files of [MutatorOptions].ConfigFile, or the
// BearerFile if the mutator has a Key. With neither it does nothing.
func (m *Mutator) MutateFiles(ctx context.Context, workspaceID string, files map[string][]byte) error {
	if m.config.Path() == "" {
		return m.bearer.MutateFiles(ctx, workspaceID, files)
	}
	if files == nil {
		return errors.New("gateway: the map of files is nil")
	}
	bearer, err := m.issue(ctx, workspaceID)
	if err != nil {
		return err
	}
	entries := m.settings(m.forge.Wire(map[string]string{}, m.base, bearer), bearer)
	m.config.AddTo(files, gitconfig.Settings(entries))
	if forge, ok := m.forge.(FileForge); ok {
		forge.WireFiles(files, m.folder(), m.base, bearer)
	}
	return nil
}

// folder returns where the configuration of the forge's clients is.
func (m *Mutator) folder() string { return path.Dir(m.config.Path()) }

// issue returns a new bearer for the workspace; "" when it is in a file.
func (m *Mutator) issue(ctx context.Context, workspaceID string) (string, error) {
	issued := map[string]string{}
	if err := m.bearer.MutateEnv(ctx, workspaceID, issued); err != nil {
		return "", fmt.Errorf("gateway: %w", err)
	}
	return issued[tokenhttp.EnvBearer], nil
}

// fileHelper is a credential helper that reads the bearer's file: git sends it
// as a password, with a user name that means nothing.
const fileHelper = `!f() { test "$1" = get && ` +
	`printf 'username=workspace\npassword=%s\n' "$(cat "$PROVISIONKIT_BEARER_FILE")"; }; f`

// settings returns git's configuration: it takes the gateway for each of
// insteadOf, and sends it the bearer.
func (m *Mutator) settings(insteadOf []string, bearer string) []gitcredential.Entry {
	base := m.base.String()
	var entries []gitcredential.Entry
	for _, prefix := range insteadOf {
		entries = append(entries, gitcredential.Entry{Key: "url." + base + "/.insteadOf", Value: prefix})
	}
	if bearer != "" {
		return append(entries, gitcredential.Entry{
			Key: "http." + base + "/.extraHeader", Value: "Authorization: Bearer " + bearer,
		})
	}
	helper := "credential." + base + ".helper"
	return append(entries, gitcredential.Entry{Key: helper}, gitcredential.Entry{Key: helper, Value: fileHelper})
}
