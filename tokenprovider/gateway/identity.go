package gateway

import (
	"context"
	"net/http"
	"strings"

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

// authenticate returns who bears bearer. The Authenticator sees the request with
// it as Authorization: Bearer, in whichever of the three forms it came: git sends
// Basic with any user name, gh token, others Bearer.
func (x *exchange) authenticate(ctx context.Context, bearer string) (tokenhttp.Principal, error) {
	asked := x.request.Clone(ctx)
	asked.Header.Set("Authorization", "Bearer "+bearer)
	asked.Body = http.NoBody // nothing is read before it is known who sends it
	p, err := x.options.Auth.Authenticate(asked)
	switch {
	case err != nil:
	case p.WorkspaceID == "" && !p.Admin:
		err = tokenhttp.ErrForbidden
	case p.NoExpiry && x.options.Admit == nil:
		x.unjudged.Say(ctx, x.log, p.WorkspaceID)
		err = tokenhttp.ErrUnauthenticated
	}
	return p, err
}

// bearerOf returns the credential of r.
func bearerOf(r *http.Request) (string, bool) {
	if _, password, ok := r.BasicAuth(); ok && len(r.Header.Values("Authorization")) == 1 {
		return password, wire.IsToken(password)
	}
	return wire.Bearer(r.Header, "token")
}
