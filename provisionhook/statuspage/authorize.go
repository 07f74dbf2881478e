package statuspage

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// retryAfter is what a caller is asked to wait when an Authenticator couldn't
// decide and doesn't say how long.
const retryAfter = 5 * time.Second

// readMethods are the methods that are answered.
var readMethods = []string{http.MethodGet, http.MethodHead}

// The refusals. The challenge of Basic makes a browser ask for a password: see
// passwordAsBearer.
var (
	wrongMethod = &wire.Refusal{
		Status: http.StatusMethodNotAllowed, Code: string(tokenprovider.CodeInvalidRequest),
		Message: "method not allowed", Allow: readMethods,
	}
	unauthenticated = &wire.Refusal{
		Status: http.StatusUnauthorized, Code: string(tokenprovider.CodeUnauthenticated),
		Message:    "unauthenticated",
		Challenges: []string{"Bearer", `Basic realm="token status", charset="UTF-8"`},
	}
	forbidden = &wire.Refusal{
		Status: http.StatusForbidden, Code: string(tokenprovider.CodeForbidden), Message: "forbidden",
	}
	internalError = &wire.Refusal{
		Status: http.StatusInternalServerError, Code: string(tokenprovider.CodeInternal),
		Message: "internal error",
	}
)

// undecided returns the refusal for an Authenticator that answered with err:
// nobody is let in on doubt.
func undecided(err error) *wire.Refusal {
	wait := tokenprovider.RetryAfter(err)
	if wait <= 0 {
		wait = retryAfter
	}
	return &wire.Refusal{
		Status: http.StatusServiceUnavailable, Code: string(tokenprovider.CodeUnavailable),
		Message: "authentication unavailable", RetryAfter: wait,
	}
}

// authorize refuses everyone but administrators.
func (h *handler) authorize(r *http.Request) *wire.Refusal {
	refused := h.authenticate(r)
	if refused == unauthenticated {
		if bearing, ok := passwordAsBearer(r); ok {
			refused = h.authenticate(bearing)
		}
	}
	return refused
}

// authenticate refuses r unless the Authenticator says that an administrator has
// sent it. What it says is read where it runs: its errors' methods are its own.
func (h *handler) authenticate(r *http.Request) *wire.Refusal {
	refused, err := foreign.Within(r.Context(), "the authenticator", func(context.Context) (*wire.Refusal, error) {
		p, err := h.auth.Authenticate(r)
		switch {
		case err == nil && p.Admin:
			return nil, nil
		case errors.Is(err, tokenhttp.ErrUnauthenticated):
			return unauthenticated, nil
		case err == nil, errors.Is(err, tokenhttp.ErrForbidden):
			return forbidden, nil
		}
		return undecided(err), nil
	})
	if err == nil {
		return refused
	}
	if defect, ok := err.(*foreign.Defect); ok && defect.Value == http.ErrAbortHandler {
		panic(http.ErrAbortHandler) // it asks for just that
	}
	return undecided(err)
}

// passwordAsBearer returns r with the password of its Basic authentication as a
// bearer. The token endpoints don't do this: a browser sends a password that it
// was once given by itself, to whatever page of the same site another site
// links to.
func passwordAsBearer(r *http.Request) (*http.Request, bool) {
	_, password, ok := r.BasicAuth()
	if !ok || len(r.Header.Values("Authorization")) != 1 {
		return nil, false
	}
	bearing := r.Clone(r.Context())
	bearing.Header.Set("Authorization", "Bearer "+password)
	return bearing, true
}
