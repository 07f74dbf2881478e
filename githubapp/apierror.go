package githubapp

import (
	"fmt"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// APIError is an answer with which GitHub refused a request, or that wasn't the
// documented one. It is in the [*tokenprovider.Error] that the methods of this
// package return; find it with [errors.As].
type APIError struct {
	Status           int    // of HTTP
	Message          string // GitHub's message, cut to 512 characters; "" when the answer wasn't JSON
	RequestID        string // GitHub's support asks for it
	DocumentationURL string
	Method, Path     string // of the request
}

// Error returns the text for operators: method, path, status, GitHub's message,
// and the id of the request.
func (e *APIError) Error() string { return e.refusal().String() }

func (e *APIError) refusal() *apiclient.Refusal { return (*apiclient.Refusal)(e) }

// published returns the error of a request as this package's callers see it: as
// a [*tokenprovider.Error], with an [*APIError] inside when GitHub answered.
func published(err error) error {
	failure, ok := err.(*apiclient.Error)
	if !ok {
		return err // nil, or no JWT could be signed
	}
	cause := failure.Err
	if failure.Refusal != nil {
		cause = (*APIError)(failure.Refusal)
		if failure.Err != nil {
			cause = fmt.Errorf("%w; %w", cause, failure.Err)
		}
	}
	return &tokenprovider.Error{Code: failure.Code, RetryAfter: failure.RetryAfter, Err: cause}
}
