package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// refused is why a request isn't passed on, as its sender hears it.
type refused struct {
	status     int
	code       tokenprovider.Code // for the record
	message    string             // for people
	retryAfter time.Duration
	answered   bool // already, in another form
}

const (
	invalid = tokenprovider.CodeInvalidRequest

	// retryAfter is what a refusal that passes by itself asks callers to wait
	// when nobody knows better.
	retryAfter = 5 * time.Second
)

var (
	unauthenticated = &refused{
		status: http.StatusUnauthorized, code: tokenprovider.CodeUnauthenticated,
		message: "authenticate with this workspace's bearer; a token of the forge's own isn't taken here, " +
			"since the gateway adds one",
	}
	noAnswer = &refused{
		status: http.StatusBadGateway, code: tokenprovider.CodeUnavailable, retryAfter: retryAfter,
		message: "the forge can't be reached through the gateway at the moment",
	}
	forbidden = &refused{
		status: http.StatusForbidden, code: tokenprovider.CodeForbidden,
		message: wire.NotAdmitted,
	}
)

// notAllowed returns the refusal for an error of the Policy's.
func (x *exchange) notAllowed(ctx context.Context, err error) *refused {
	refusal, isRefusal := errors.AsType[*Refusal](err)
	known, isKnown := errors.AsType[*tokenprovider.Error](err)
	switch {
	case isForeign(err):
		return x.undecided("policy unavailable", err)
	case isRefusal && refusal != nil:
		return &refused{status: http.StatusForbidden, code: tokenprovider.CodeForbidden, message: refusal.Message}
	case isKnown && known.Code == tokenprovider.CodeRateLimited:
		return passing(http.StatusTooManyRequests, known.Code, "the platform limits this workspace's requests", err)
	case isKnown && known.Code == tokenprovider.CodeUnavailable:
		return x.undecided("policy unavailable", err)
	}
	x.log.WarnContext(ctx, "policy refused", "workspace", x.principal.WorkspaceID, "error", err)
	return &refused{status: http.StatusForbidden, code: tokenprovider.CodeForbidden,
		message: "the policy of this workspace doesn't allow it"}
}

// notAuthenticated returns the refusal for an error of the Authenticator's.
func (x *exchange) notAuthenticated(err error) *refused {
	switch {
	case errors.Is(err, tokenhttp.ErrUnauthenticated):
		return unauthenticated
	case errors.Is(err, tokenhttp.ErrForbidden):
		return forbidden
	}
	return x.undecided("authentication unavailable", err)
}

// notAdmitted returns the refusal for an error of Admit or Workspace.
func (x *exchange) notAdmitted(ctx context.Context, err error) *refused {
	switch code := tokenprovider.CodeOf(err); {
	case errors.Is(err, tokenhttp.ErrForbidden):
		return forbidden
	case code == tokenprovider.CodeRateLimited:
		return passing(http.StatusTooManyRequests, code, "the platform limits this workspace's requests", err)
	}
	return x.undecided("admission unavailable", err)
}

// undecided returns the refusal for what couldn't be found out. Nobody is let in
// on doubt.
func (x *exchange) undecided(what string, err error) *refused {
	x.log.Error("request couldn't be decided", "what", what, "workspace", x.principal.WorkspaceID, "error", err)
	return passing(http.StatusServiceUnavailable, tokenprovider.CodeUnavailable, what, err)
}

// unknown returns the refusal for a request that the Forge doesn't recognise, or
// that isn't as it should be.
func (x *exchange) unknown(err error) *refused {
	if refusal, ok := errors.AsType[*Refusal](err); ok && refusal != nil {
		return &refused{status: http.StatusForbidden, code: invalid, message: refusal.Message}
	}
	return x.undecided("the forge's operation can't be told", err)
}

// noToken returns the refusal for a provider that has no token.
func (x *exchange) noToken(ctx context.Context, err error) *refused {
	code := tokenprovider.CodeOf(err)
	x.log.ErrorContext(ctx, "no token for the forge", "workspace", x.principal.WorkspaceID, "code", code, "error", err)
	why := &refused{status: http.StatusBadGateway, code: code,
		message: "the platform has no token for the forge at the moment: " + code.Message()}
	if said := wire.NoRepositoryToken(string(code), x.op.Repository); said != "" {
		why.message = said
	}
	if code == tokenprovider.CodeNotConfigured {
		why.status = http.StatusForbidden
		why.message = "the platform has no token for this workspace to use at the forge"
	}
	why.retryAfter = tokenprovider.RetryAfter(err)
	return why
}

// passing returns a refusal that passes by itself.
func passing(status int, code tokenprovider.Code, message string, err error) *refused {
	wait := tokenprovider.RetryAfter(err)
	if wait <= 0 {
		wait = retryAfter
	}
	return &refused{status: status, code: code, message: message, retryAfter: wait}
}

// refuse answers the request, in the forge's own form.
func (x *exchange) refuse(why *refused) {
	x.audited.Code = why.code
	if why.answered {
		return
	}
	header := x.w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if why.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Basic realm="the workspace's bearer", charset="UTF-8"`)
	}
	wire.SetRetryAfter(header, why.retryAfter)
	x.readWithin(bodyTimeout) // the server reads what is left of the body
	x.options.Forge.Refuse(x.w, x.request, why.status, why.message)
}

// The bounds of what is read of a push that is refused: git tells the reason
// only once it has sent its pack.
const (
	maxDrained   = 256 << 20
	drainTimeout = time.Minute
)

// refusePush answers a push as git-receive-pack does when it takes none of it.
func (x *exchange) refusePush(p *push, why *refused) *refused {
	report := p.report(why.message)
	if why.status != http.StatusForbidden || report == nil {
		return why
	}
	x.readWithin(drainTimeout)
	x.body.drain(maxDrained)
	header := x.w.Header()
	header.Set("Content-Type", "application/x-"+receivePack+"-result")
	header.Set("Cache-Control", "no-cache")
	x.w.WriteHeader(http.StatusOK)
	_, _ = x.w.Write(report)
	why.answered = true
	return why
}

// RefuseGit answers a request of git or Git LFS with a message that the client
// shows to the person. It is for use in [Forge.Refuse].
func RefuseGit(w http.ResponseWriter, r *http.Request, status int, message string) {
	if wire.Accepts(r, lfsJSON) && wire.Prefers(r, lfsJSON, "text/plain") {
		wire.Answer{MediaType: lfsJSON, Body: wire.JSONAnswer(lfsError{message}).Body}.Write(w, status)
		return
	}
	wire.Answer{MediaType: "text/plain; charset=utf-8", Body: []byte(message + "\n")}.Write(w, status)
}

const lfsJSON = "application/vnd.git-lfs+json"

// lfsError is the body of an error of Git LFS's API.
type lfsError struct {
	Message string `json:"message"`
}

// Error makes a *refused an error, for the proxy to hand it on.
func (r *refused) Error() string { return r.message }
