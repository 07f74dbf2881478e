package tokenprovider

import (
	"context"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

type repositoryKey struct{}

// WithRepository returns a copy of ctx that says what a token is wanted for:
// "owner" or "owner/name". It keeps the name in lower case and without .git. It
// keeps a malformed name as it is, since without any name the wish would be for
// any repository. With "" the copy asks for nothing, whatever ctx asks for.
//
// The repository is the wish of a caller, and often comes from outside: it may
// only choose among what a policy allows. A [Cache] and a [Shared] keep one
// token for all callers, so they take the repository out of the ctx that their
// provider gets. A policy that depends on it chooses between providers before
// their caches are asked.
func WithRepository(ctx context.Context, repository string) context.Context {
	if canonical, ok := wire.Repository(repository); ok {
		repository = canonical
	}
	if repository == Repository(ctx) {
		return ctx
	}
	return context.WithValue(ctx, repositoryKey{}, repository)
}

// Repository returns what [WithRepository] put into ctx; "" when ctx asks for
// nothing.
func Repository(ctx context.Context) string {
	repository, _ := ctx.Value(repositoryKey{}).(string)
	return repository
}
