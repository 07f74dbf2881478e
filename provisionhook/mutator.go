package provisionhook

import (
	"context"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// EnvMutator changes the environment of a workspace just before it starts. A
// plugin has to implement nothing else.
//
// The interface is frozen and has standard-library types only, so a plugin
// satisfies it without importing this package. An implementation keeps this
// contract, which package provisionhooktest checks:
//
//   - Name is not empty, is the same at each call, and names the mutator in
//     errors and records. Users may see it.
//   - MutateEnv runs at every start of every workspace, restarts included, each
//     time on an environment that the platform built anew. It is idempotent and
//     remembers nothing like "done already".
//   - MutateEnv is safe for concurrent use by several workspaces, and by one.
//   - env is never nil. MutateEnv may read, set and delete variables in it
//     until it returns, and not a moment longer: no goroutine may touch it
//     after that.
//   - Values are literal. Nobody expands "$(NAME)" in them.
//   - env is what the platform passes to the workspace and not the environment
//     of its image. A mutator that sets PATH replaces the image's PATH; one
//     that appends to a PATH that isn't in env loses it.
//   - ctx bounds the call. The start of the workspace waits for a mutator that
//     ignores it.
//   - An error holds no secret. It ends the start of the workspace, and nothing
//     that MutateEnv wrote remains.
//
// Further abilities are optional interfaces: [TokenProvider],
// [WorkspaceTokenProvider], [FileMutator] and [Releaser]. [As] finds them,
// through wrappers that have a method Unwrap() EnvMutator; a wrapper without
// one hides what it wraps.
//
// Assert the interfaces that a type means to have, beside it, and register a
// pointer:
//
//	var (
//		_ provisionhook.EnvMutator    = (*Mutator)(nil)
//		_ provisionhook.TokenProvider = (*Mutator)(nil)
//	)
type EnvMutator interface {
	Name() string
	MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error
}

// TokenProvider is [tokenprovider.TokenProvider]. A mutator that is one hands
// out at any time a live token of the kind that it writes into the environment.
// See [Registry.FirstTokenProvider].
type TokenProvider = tokenprovider.TokenProvider
