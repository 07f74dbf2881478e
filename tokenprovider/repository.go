package tokenprovider

import (
	"context"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

type repositoryKey struct{}

// WithRepository returns ctx with what a token is wanted for: "owner" or
// "owner/name", in whose one form it is kept, in lower case and without .git.
// What is no such name is kept as it is, so that nobody takes it for a wish for
// any repository; "" withdraws what was asked for before.
//
// It is a wish of whoever asks, and comes from outside: it may only choose among
// what a policy allows. A [Cache] and a [Shared] take it out of the ctx of what
// they ask for, since they keep one token for all: who depends on it chooses
// the provider before them.
func WithRepository(ctx context.Context, repository string) context.Context {
	if canonical, ok := wire.Repository(repository); ok {
		repository = canonical
	}
	if repository == Repository(ctx) {
		return ctx
	}
	return context.WithValue(ctx, repositoryKey{}, repository)
}

// Repository returns what [WithRepository] put into ctx; "" when nothing was
// asked for.
func Repository(ctx context.Context) string {
	repository, _ := ctx.Value(repositoryKey{}).(string)
	return repository
}
