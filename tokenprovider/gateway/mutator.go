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

// EnvGateway is PROVISIONKIT_GATEWAY: the URL of the gateway, where it is the way
// to the forge.
const EnvGateway = wire.EnvGateway

// MutatorOptions say how workspaces authenticate to a gateway.
type MutatorOptions struct {
	// Key issues the bearers: the one that the gateway's Auth is, or one of
	// them. Nil: somebody else issues them and keeps them in BearerFile.
	Key *tokenhttp.WorkspaceKey

	// TTL is the life of Key's bearers, for workspaces that end before it. 0:
	// they never expire, and the gateway's Options.Admit says for how long each
	// is good.
	TTL time.Duration

	// BearerFile is an absolute path inside the workspace, where the bearer is
	// then, and not in the environment. Git reads it there; gh needs the shim
	// of git-credential-provisionkit, and other clients of the API read it by
	// themselves. Required without a Key.
	BearerFile string

	// ConfigFile is an absolute path inside the workspace, where the wiring is
	// then instead of in variables: GIT_CONFIG_SYSTEM names it, and it includes
	// /etc/gitconfig. A folder beside it has gh's configuration. It is for
	// programs that pass on no variable whose name has KEY or TOKEN in it, and
	// needs git 2.32. The files hold the bearer, so they are the workspace's
	// alone to read. Not with BearerFile.
	ConfigFile string
}

// Mutator has a workspace's git, gh and API clients use the gateway in the
// forge's place, by environment variables and, with a BearerFile or a
// ConfigFile, by files. It fits provisionhook's EnvMutator and FileMutator by
// its methods, and is safe for concurrent use.
type Mutator struct {
	base   *url.URL
	forge  Forge
	bearer *tokenhttp.Mutator
	file   string         // where the bearer is; "" for the environment
	config gitconfig.File // where the wiring is; none for the environment
}

// FileForge is a [Forge] whose clients can be wired by files.
type FileForge interface {
	// WireFiles adds to files the configuration of the forge's clients, below
	// folder, by which they find base and authenticate themselves with bearer.
	WireFiles(files map[string][]byte, folder string, base *url.URL, bearer string)

	// WireFolder sets the variables that name that folder, where none is set.
	WireFolder(env map[string]string, folder string)
}

// Mutator returns a Mutator for g. It proves at once that g takes Key's bearers,
// and its error says what keeps it from that. A TTL of zero without an
// Options.Admit is an error: the bearers would never end.
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

// NewMutator returns a Mutator for the gateway at baseURL in another process.
// Whether that takes Key's bearers isn't known here. The error names what is
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

// MutateEnv sets PROVISIONKIT_GATEWAY, the variables of the forge's clients, and
// git's configuration, or what names the files that have it: which URLs the
// gateway stands for, and the bearer or where it is. What git's environment
// already has stays. An error leaves env as it was.
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
	wired[EnvGateway] = m.base.String()
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

// MutateFiles contributes the bearer when it goes into a file and is Key's, and
// the wiring when that does.
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
