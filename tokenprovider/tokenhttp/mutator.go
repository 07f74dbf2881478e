package tokenhttp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
)

// The environment variables through which a workspace finds the endpoint.
const (
	EnvTokenURL   = "PROVISIONKIT_TOKEN_URL"   // the URL of the workspace's own token
	EnvBearer     = "PROVISIONKIT_BEARER"      // what it authenticates itself with, or
	EnvBearerFile = "PROVISIONKIT_BEARER_FILE" // where that is written
	EnvAllowHTTP  = "PROVISIONKIT_ALLOW_HTTP"  // 1: the URL may be http to another machine
)

// defaultBearerTTL is how long a bearer lives that nobody renews.
const defaultBearerTTL = 30 * 24 * time.Hour

// MutatorOptions say where the endpoint is and how workspaces authenticate to it.
type MutatorOptions struct {
	// BaseURL is the platform's URL as workspaces reach it, below which [Handler.Mount]'s paths are. Required; https,
	// or http to loopback.
	BaseURL string

	// Key issues the bearers: the one that the endpoint's Authenticator is, or one of them. Required.
	Key *WorkspaceKey

	// TTL is the life of a bearer; a workspace renews it in time. Default: 30 days.
	TTL time.Duration

	// BearerFile is an absolute path inside the workspace. When it is set the bearer goes into that file and not into
	// the environment, which every process inherits; the platform then starts workspaces from a Registry's Plan,
	// which has the file. Empty: the bearer goes into the environment.
	BearerFile string

	// AllowHTTP allows http to another machine, and tells workspaces so, for networks that nobody else is on.
	AllowHTTP bool
}

// Mutator tells a workspace where its endpoint is and gives it a bearer. It sets [EnvTokenURL] and, depending on
// [MutatorOptions], [EnvBearer] or [EnvBearerFile], and [EnvAllowHTTP]. Each start of a workspace gets a bearer of its
// own; earlier ones stay valid until they expire. It is safe for concurrent use.
type Mutator struct {
	base      *url.URL
	key       *WorkspaceKey
	ttl       time.Duration
	file      string
	allowHTTP bool
}

var (
	_ provisionhook.EnvMutator  = (*Mutator)(nil)
	_ provisionhook.FileMutator = (*Mutator)(nil)
)

// NewMutator is a Mutator; its error names the option that is missing or wrong.
func NewMutator(opts MutatorOptions) (*Mutator, error) {
	if opts.BaseURL == "" {
		return nil, errors.New("tokenhttp: MutatorOptions.BaseURL is required: the platform's URL as workspaces reach it")
	}
	base, err := parseURL(opts.BaseURL, opts.AllowHTTP)
	switch {
	case err != nil:
		return nil, fmt.Errorf("tokenhttp: MutatorOptions.BaseURL %w", err)
	case base.RawQuery != "" || base.ForceQuery:
		return nil, errors.New("tokenhttp: MutatorOptions.BaseURL has a query, and must not")
	case opts.Key == nil || opts.Key.keys == nil:
		return nil, errors.New("tokenhttp: MutatorOptions.Key is required: the WorkspaceKey of the endpoint")
	case opts.TTL < 0:
		return nil, fmt.Errorf("tokenhttp: MutatorOptions.TTL is %s and must not be negative", opts.TTL)
	case opts.BearerFile != "" && !cleanAbs(opts.BearerFile):
		return nil, fmt.Errorf("tokenhttp: MutatorOptions.BearerFile %q is not an absolute, clean path", opts.BearerFile)
	}
	if opts.TTL == 0 {
		opts.TTL = defaultBearerTTL
	}
	return &Mutator{base: base, key: opts.Key, ttl: opts.TTL, file: opts.BearerFile, allowHTTP: opts.AllowHTTP}, nil
}

// Name implements [provisionhook.EnvMutator].
func (m *Mutator) Name() string { return "token-endpoint" }

// MutateEnv sets the URL, and the bearer or where it is. An id that can't be one segment of a URL's path is an error.
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
	env[EnvTokenURL] = tokenURL
	if m.allowHTTP {
		env[EnvAllowHTTP] = "1"
	}
	return nil
}

// MutateFiles contributes the bearer when it goes into a file.
func (m *Mutator) MutateFiles(_ context.Context, workspaceID string, files map[string][]byte) error {
	if m.file == "" {
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

// cleanAbs reports whether p is an absolute path without detours, here or on a machine with slashes in its paths.
func cleanAbs(p string) bool {
	return path.IsAbs(p) && path.Clean(p) == p || filepath.IsAbs(p) && filepath.Clean(p) == p
}

// tokenURL is where the workspace gets its token. Programs on the way take the segments "." and ".." for steps in the
// path, escaped or not (RFC 3986, section 6.2.2), so no workspace can have them for an id.
func (m *Mutator) tokenURL(workspaceID string) (string, error) {
	switch workspaceID {
	case "":
		return "", errors.New("tokenhttp: the workspace id is empty")
	case ".", "..":
		return "", fmt.Errorf("tokenhttp: the workspace id %q can't be in a URL", workspaceID)
	}
	return strings.TrimRight(m.base.String(), "/") + "/workspaces/" + url.PathEscape(workspaceID) + "/token", nil
}
