package tokenhttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// retryAfter is what a refusal that passes by itself asks callers to wait when
// nobody knows better.
const retryAfter = 5 * time.Second

// The refusals that need no more to be said: rows of the table in the package
// comment.
var (
	unauthenticated = challenge()
	forbidden       = refusal(http.StatusForbidden, tokenprovider.CodeForbidden, "forbidden")
	noRoute         = refusal(http.StatusNotFound, tokenprovider.CodeNotFound, "not found")
	noRegistry      = notConfigured("no GitHub App configured")
	noProvider      = notConfigured("no token provider registered")
	notAcceptable   = refusal(http.StatusNotAcceptable, tokenprovider.CodeInvalidRequest,
		wire.Git+": only by POST of git's attributes")
	internalError = refusal(http.StatusInternalServerError, tokenprovider.CodeInternal, "internal error")
)

func refusal(status int, code tokenprovider.Code, message string) *wire.Refusal {
	return &wire.Refusal{Status: status, Code: string(code), Message: message}
}

func challenge() *wire.Refusal {
	refused := refusal(http.StatusUnauthorized, tokenprovider.CodeUnauthenticated, "unauthenticated")
	refused.Challenges = []string{"Bearer"}
	return refused
}

func notConfigured(message string) *wire.Refusal {
	return refusal(http.StatusNotFound, tokenprovider.CodeNotConfigured, message)
}

func wrongMethod(allow []string) *wire.Refusal {
	code := tokenprovider.CodeInvalidRequest
	refused := refusal(http.StatusMethodNotAllowed, code, "method not allowed")
	refused.Allow = allow
	return refused
}

func malformed(message string) *wire.Refusal {
	return refusal(http.StatusBadRequest, tokenprovider.CodeInvalidRequest, message)
}

// refusal returns the refusal for an exchange that met err at at. The reason is
// for the log: what goes wrong on the platform is its operator's affair.
func (x *exchange) refusal(ctx context.Context, at position, err error) *wire.Refusal {
	if refused, ok := err.(*wire.Refusal); ok {
		return refused
	}
	var undecided string // nobody is let in on doubt
	switch at.stage {
	case atAuthenticator:
		undecided = "authentication unavailable"
	case atAdmission:
		undecided = "admission unavailable"
	default:
		return x.failed(ctx, at, err)
	}
	code := tokenprovider.CodeOf(err)
	switch {
	case at.stage != atAdmission && errors.Is(err, ErrUnauthenticated):
		return unauthenticated
	case errors.Is(err, ErrForbidden):
		return forbidden
	case at.stage == atAdmission && code == tokenprovider.CodeRateLimited:
		return passing(http.StatusTooManyRequests, code, code.Message(), err)
	}
	x.options.Logger.ErrorContext(ctx, undecided, "workspace", at.workspace, "error", err)
	return passing(http.StatusServiceUnavailable, tokenprovider.CodeUnavailable, undecided, err)
}

// passing returns a refusal that passes by itself, after as long as err asks to
// wait.
func passing(status int, code tokenprovider.Code, message string, err error) *wire.Refusal {
	refused := refusal(status, code, message)
	if refused.RetryAfter = tokenprovider.RetryAfter(err); refused.RetryAfter <= 0 {
		refused.RetryAfter = retryAfter
	}
	return refused
}

// failed returns the refusal for a Source or a provider that answered with err.
func (x *exchange) failed(ctx context.Context, at position, err error) *wire.Refusal {
	code := tokenprovider.CodeOf(err)
	switch {
	case errors.Is(err, errNoRegistry):
		return noRegistry
	case at.stage == atSource && errors.Is(err, ErrForbidden):
		return forbidden
	case code == tokenprovider.CodeNotConfigured:
		return noProvider
	case !code.Known():
		code = tokenprovider.CodeInternal
	}
	message := "token refresh failed"
	if errors.Is(err, errEmptyToken) {
		message += ": empty token"
	}
	refused := refusal(http.StatusInternalServerError, code, message)
	refused.RetryAfter = tokenprovider.RetryAfter(err)
	x.options.Logger.ErrorContext(ctx, "[github] token refresh failed",
		"workspace", at.workspace, "provider", at.provider, "code", refused.Code, "error", err)
	return refused
}
