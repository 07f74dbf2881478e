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
	// EnvURL is PROVISIONKIT_URL: the URL of the workspace's own token.
	EnvURL = wire.EnvURL

	// EnvBearer is PROVISIONKIT_BEARER: what it authenticates itself with,
	// where there is no file.
	EnvBearer = wire.EnvBearer

	// EnvBearerFile is PROVISIONKIT_BEARER_FILE: where that is written.
	EnvBearerFile = wire.EnvBearerFile

	// EnvAllowHTTP is PROVISIONKIT_ALLOW_HTTP: 1 says that the URL may be http to
	// another machine.
	EnvAllowHTTP = wire.EnvAllowHTTP
)

// MutatorOptions say where the endpoint is and how workspaces authenticate to
// it.
type MutatorOptions struct {
	// BaseURL is the platform's URL as workspaces reach it, below which
	// [Handler.Mount]'s paths are. Required; https, or http to loopback.
	BaseURL string

	// Key issues the bearers: the one that the endpoint's Authenticator is, or
	// one of them. Nil: somebody else issues them and keeps them in BearerFile,
	// such as a projected token of Kubernetes.
	Key *WorkspaceKey

	// TTL is the life of Key's bearers, for workspaces that end before it: none
	// is renewed. 0: they never expire, and the endpoint's [Options].Admit says
	// for how long each is good; an endpoint without one takes none of them.
	TTL time.Duration

	// BearerFile is an absolute path inside the workspace. When it is set the
	// bearer is in that file and not in the environment, which every process
	// inherits; Key's are put there by the platform, which then starts
	// workspaces from a Registry's Plan, which has the file. Empty: the bearer
	// goes into the environment. Required without a Key.
	BearerFile string

	// AllowHTTP allows http to another machine, and tells workspaces so, for
	// networks that nobody else is on.
	AllowHTTP bool
}

// Mutator tells a workspace where its endpoint is and gives it a bearer. It
// sets [EnvURL] and, depending on [MutatorOptions], [EnvBearer] or
// [EnvBearerFile], and [EnvAllowHTTP]. Each start of a workspace gets a bearer
// of its own; earlier ones are good until they expire, or until [Options].Admit
// refuses what was issued before the present start. It is safe for concurrent
// use. It fits provisionhook's EnvMutator and FileMutator by its methods.
type Mutator struct {
	base      *url.URL
	key       *WorkspaceKey // nil: the bearers are somebody else's
	ttl       time.Duration
	file      string
	allowHTTP bool
}

// NewMutator returns a Mutator for an endpoint in another process. Whether that
// takes Key's bearers isn't known here: [Handler.Mutator] proves it where the
// Handler is in the same one. The error names the option that is missing or
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

// MutateEnv sets the URL, and the bearer or where it is. An id that can't be
// one segment of a URL's path is an error. One that holds a slash goes as %2F:
// behind a proxy that decodes the path such a workspace is refused, and never
// taken for another.
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

// MutateFiles contributes the bearer when it goes into a file and is Key's.
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
