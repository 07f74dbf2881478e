package tokenhttp

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// retryAfter is what a refusal that passes by itself asks callers to wait when nobody knows better.
const retryAfter = 5 * time.Second

// refusal is an answer without a token: one row of the status table. Its message is a fixed sentence; what an error
// says is for the log.
type refusal struct {
	status     int
	code       tokenprovider.Code
	message    string
	retryAfter time.Duration // 0: no Retry-After
	allow      []string      // for 405
}

var (
	noRoute         = &refusal{status: http.StatusNotFound, code: tokenprovider.CodeNotFound, message: "not found"}
	unauthenticated = &refusal{status: http.StatusUnauthorized, code: tokenprovider.CodeUnauthenticated, message: "unauthenticated"}
	forbidden       = &refusal{status: http.StatusForbidden, code: tokenprovider.CodeForbidden, message: "forbidden"}
	noRegistry      = &refusal{status: http.StatusNotFound, code: tokenprovider.CodeNotConfigured, message: "no GitHub App configured"}
	noProvider      = &refusal{status: http.StatusNotFound, code: tokenprovider.CodeNotConfigured, message: "no token provider registered"}
	noRenewal       = &refusal{status: http.StatusNotFound, code: tokenprovider.CodeNotConfigured, message: "no bearer can be renewed here"}
	emptyToken      = &refusal{status: http.StatusInternalServerError, code: tokenprovider.CodeInternal, message: "token refresh failed: empty token"}
	notAcceptable   = &refusal{status: http.StatusNotAcceptable, code: tokenprovider.CodeInvalidRequest, message: gitType + ": only by POST of git's attributes"}
	internalError   = &refusal{status: http.StatusInternalServerError, code: tokenprovider.CodeInternal, message: "internal error"}
)

func wrongMethod(allow []string) *refusal {
	return &refusal{status: http.StatusMethodNotAllowed, code: tokenprovider.CodeInvalidRequest, message: "method not allowed", allow: allow}
}

func malformed(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: tokenprovider.CodeInvalidRequest, message: message}
}

// undecided is the refusal for a question, of what, that got err for an answer: nobody is let in on doubt.
func undecided(what string, err error) *refusal {
	return &refusal{
		status: http.StatusServiceUnavailable, code: tokenprovider.CodeUnavailable, message: what + " unavailable", retryAfter: waitOf(err, retryAfter),
	}
}

func rateLimited(err error) *refusal {
	return &refusal{
		status: http.StatusTooManyRequests, code: tokenprovider.CodeRateLimited, message: tokenprovider.CodeRateLimited.Message(),
		retryAfter: waitOf(err, retryAfter),
	}
}

// failed is the refusal for a provider that answered err.
func failed(err error) *refusal {
	code := tokenprovider.CodeOf(err)
	switch {
	case code == tokenprovider.CodeNotConfigured:
		return noProvider
	case !knownCode(code):
		code = tokenprovider.CodeInternal
	}
	return &refusal{status: http.StatusInternalServerError, code: code, message: "token refresh failed", retryAfter: waitOf(err, 0)}
}

// waitOf is how long err asks to wait, or otherwise when it doesn't say.
func waitOf(err error, otherwise time.Duration) time.Duration {
	if e, ok := errors.AsType[*tokenprovider.Error](err); ok && e != nil && e.RetryAfter > 0 {
		return e.RetryAfter
	}
	return otherwise
}

// write sends f.
func (f *refusal) write(w http.ResponseWriter) {
	header := w.Header()
	if f.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	if f.retryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(int64(wholeSeconds(f.retryAfter)/time.Second), 10))
	}
	if len(f.allow) > 0 {
		header.Set("Allow", strings.Join(f.allow, ", "))
	}
	jsonReply(errorAnswer{Error: f.message, Code: f.code}).write(w, f.status)
}
