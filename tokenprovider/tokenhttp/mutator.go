package tokenhttp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// The environment variables through which a workspace finds the endpoint.
const (
	// EnvURL is PROVISIONKIT_URL, which has the URL of the workspace's token.
	EnvURL = wire.EnvURL

	// EnvBearer is PROVISIONKIT_BEARER, which has the workspace's bearer,
	// unless that is in a file.
	EnvBearer = wire.EnvBearer

	// EnvBearerFile is PROVISIONKIT_BEARER_FILE, which has the path of the file
	// with the bearer.
	EnvBearerFile = wire.EnvBearerFile

	// EnvAllowHTTP is PROVISIONKIT_ALLOW_HTTP; with 1 the URL may be http to
	// another machine.
	EnvAllowHTTP = wire.EnvAllowHTTP
)

// MutatorOptions say where the endpoint is and how workspaces authenticate to
// it. BaseURL is required, and a Key or a BearerFile.
type MutatorOptions struct {
	// BaseURL is the platform's URL as workspaces reach it, to which the paths
	// of [Handler.Mount] are appended: https, or http to loopback. Required.
	BaseURL string

	// Key issues the bearers. The endpoint's [Authenticator] has to accept
	// them: it is this key, or has it in an [AnyOf]. Nil: somebody else issues
	// the bearers and keeps them in BearerFile, such as Kubernetes with its
	// projected tokens.
	Key *WorkspaceKey

	// TTL is the life of Key's bearers, which nobody renews. 0: they never
	// expire, and the endpoint's [Options].Admit decides how long each is good
	// for; an endpoint without one refuses them.
	TTL time.Duration

	// BearerFile is an absolute path inside the workspace. The bearer is then
	// in that file, and not in the environment, which every process inherits.
	// With a Key the platform has to write the file: it is in the Plan of a
	// provisionhook.Registry. Required without a Key. Empty: the bearer is in
	// the environment.
	BearerFile string

	// AllowHTTP allows http to another machine, for networks that nobody else
	// is on.
	AllowHTTP bool
}

// Mutator is a plugin that gives a workspace the URL of its endpoint and a
// bearer. Each start of a workspace gets a new bearer. Earlier ones are
// accepted until they expire, or until [Options].Admit refuses them. It
// satisfies provisionhook's EnvMutator and FileMutator without importing that
// package, and is safe for concurrent use. Make it with [Handler.Mutator] or
// [NewMutator].
type Mutator struct {
	base      *url.URL
	key       *WorkspaceKey // nil: the bearers are somebody else's
	ttl       time.Duration
	file      string
	allowHTTP bool
}

// NewMutator returns a [Mutator] for an endpoint in another process. It can't
// check that the endpoint accepts the bearers of [MutatorOptions].Key, as
// [Handler.Mutator] does. The error names the option that is missing or
// malformed.
func NewMutator(opts MutatorOptions) (*Mutator, error) {
	if opts.BaseURL == "" {
		return nil, errors.New("tokenhttp: MutatorOptions.BaseURL is required: " +
			"the platform's URL as workspaces reach it")
	}
	base, err := wire.ParseURL(opts.BaseURL, opts.AllowHTTP)
	switch {
	case err != nil:
		return nil, fmt.Errorf("tokenhttp: MutatorOptions.BaseURL %w", err)
	case base.RawQuery != "" || base.ForceQuery:
		return nil, errors.New("tokenhttp: MutatorOptions.BaseURL has a query, and must not")
	case opts.Key == nil && opts.BearerFile == "":
		return nil, errors.New("tokenhttp: MutatorOptions needs the endpoint's WorkspaceKey as Key, " +
			"or a BearerFile in which workspaces find what somebody else issues")
	case opts.Key == nil && opts.TTL != 0:
		return nil, errors.New("tokenhttp: MutatorOptions.TTL is the life of Key's bearers, and there is no Key")
	case opts.TTL < 0:
		return nil, fmt.Errorf("tokenhttp: MutatorOptions.TTL is %s and must not be negative", opts.TTL)
	case opts.BearerFile != "" && !wire.IsCleanAbs(opts.BearerFile):
		return nil, fmt.Errorf("tokenhttp: MutatorOptions.BearerFile %q is not an absolute, clean path",
			opts.BearerFile)
	}
	if opts.Key != nil {
		if _, err := opts.Key.held(); err != nil {
			return nil, fmt.Errorf("tokenhttp: MutatorOptions.Key has no keys: %w", err)
		}
	}
	return &Mutator{base, opts.Key, opts.TTL, opts.BearerFile, opts.AllowHTTP}, nil
}

// Name returns "token-endpoint".
func (m *Mutator) Name() string { return "token-endpoint" }

// MutateEnv sets [EnvURL] and either [EnvBearer] or [EnvBearerFile], and with
// [MutatorOptions].AllowHTTP also [EnvAllowHTTP]. It returns an error for an id
// that can't be one segment of a URL's path. A slash in an id is written as
// %2F: a proxy that decodes it causes a refusal, but never a token for another
// workspace.
func (m *Mutator) MutateEnv(_ context.Context, workspaceID string, env map[string]string) error {
	if env == nil {
		return errors.New("tokenhttp: the environment is nil")
	}
	tokenURL, err := m.tokenURL(workspaceID)
	if err != nil {
		return err
	}
	if m.file == "" {
		bearer, err := m.key.Issue(workspaceID, m.ttl)
		if err != nil {
			return err
		}
		env[EnvBearer] = bearer
	} else {
		env[EnvBearerFile] = m.file
	}
	env[EnvURL] = tokenURL
	if m.allowHTTP {
		env[EnvAllowHTTP] = "1"
	}
	return nil
}

// MutateFiles contributes [MutatorOptions].BearerFile with a new bearer of Key.
// Without a BearerFile or without a Key it does nothing.
func (m *Mutator) MutateFiles(_ context.Context, workspaceID string, files map[string][]byte) error {
	if m.file == "" || m.key == nil {
		return nil
	}
	if files == nil {
		return errors.New("tokenhttp: the map of files is nil")
	}
	bearer, err := m.key.Issue(workspaceID, m.ttl)
	if err != nil {
		return err
	}
	files[m.file] = []byte(bearer + "\n")
	return nil
}

// tokenURL returns where the workspace gets its token. Programs on the way take
// the segments "." and ".." for steps in the path, escaped or not (RFC 3986,
// section 6.2.2), so no workspace can have them for an id.
func (m *Mutator) tokenURL(workspaceID string) (string, error) {
	switch workspaceID {
	case "":
		return "", errors.New("tokenhttp: the workspace id is empty")
	case ".", "..":
		return "", fmt.Errorf("tokenhttp: the workspace id %q can't be in a URL", workspaceID)
	}
	base := strings.TrimRight(m.base.String(), "/")
	return base + "/workspaces/" + url.PathEscape(workspaceID) + "/token", nil
}
