package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// wellFormed refuses a request before anything is known of who sends it: for
// another host, with more than one reading, or to become another protocol.
func wellFormed(r *http.Request, host string) *refused {
	err := canonical(r)
	switch {
	case err != nil:
		return &refused{status: http.StatusBadRequest, code: invalid, message: err.Error()}
	case !strings.EqualFold(strings.TrimSuffix(r.Host, ":443"), host):
		return &refused{status: http.StatusMisdirectedRequest, code: invalid,
			message: "this host isn't served here"}
	case len(r.Header.Values("Upgrade")) > 0, len(r.Trailer) > 0, len(r.Header.Values("Trailer")) > 0:
		return &refused{status: http.StatusBadRequest, code: invalid,
			message: "a request that upgrades its connection or has trailers is refused"}
	}
	return nil
}

// authenticate finds out who sends the request. The Authenticator sees it with
// the credential as Authorization: Bearer, in whichever of the three forms it
// came: git sends Basic with any user name, gh token, others Bearer.
func (x *exchange) authenticate() *refused {
	bearer, ok := bearerOf(x.request)
	if !ok {
		return unauthenticated
	}
	asked := x.request.Clone(x.request.Context())
	asked.Header.Set("Authorization", "Bearer "+bearer)
	asked.Body = http.NoBody // nothing is read before it is known who sends it
	p, err := within(asked.Context(), "Options.Auth", func(context.Context) (tokenhttp.Principal, error) {
		return x.options.Auth.Authenticate(asked)
	})
	switch {
	case errors.Is(err, tokenhttp.ErrUnauthenticated):
		return unauthenticated
	case errors.Is(err, tokenhttp.ErrForbidden):
		return forbidden
	case err != nil:
		return x.undecided("authentication unavailable", err)
	case p.WorkspaceID == "" && !p.Admin:
		return forbidden
	case p.NoExpiry && x.options.Admit == nil:
		x.unjudged.Say(asked.Context(), x.log, p.WorkspaceID)
		return unauthenticated
	}
	x.principal, x.audited.Principal = p, p
	return nil
}

// bearerOf returns the credential of r.
func bearerOf(r *http.Request) (string, bool) {
	if _, password, ok := r.BasicAuth(); ok && len(r.Header.Values("Authorization")) == 1 {
		return password, wire.IsToken(password)
	}
	return wire.Bearer(r.Header, "token")
}

// isForeign reports whether err is of code that broke or hung, instead of an
// answer.
func isForeign(err error) bool {
	_, broke := errors.AsType[*foreign.Defect](err)
	return broke || errors.Is(err, foreign.ErrNoAnswer)
}
