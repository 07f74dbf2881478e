package tokenhttp

import (
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Renewer is an [Authenticator] that exchanges a workspace's credential for a
// new one, so that this credential doesn't become the token that dies. With
// one, the Handler serves POST /workspaces/{id}/bearer.
//
// Renew is called with a request that was authenticated as a workspace, not as
// an administrator, and that [Options].Admit let in. The new bearer is for that
// same workspace; the old one stays valid until it expires. The errors are
// those of an Authenticator, and [tokenprovider.ErrNotConfigured] where there
// is nothing to renew with.
type Renewer interface {
	Renew(r *http.Request) (bearer string, expiresAt time.Time, err error)
}

// bearerRenewal is the Provider of an [AuditRecord] about a bearer.
const bearerRenewal = "workspace-bearer"

var errNoRenewal = coded(tokenprovider.CodeNotConfigured, "the authenticator doesn't renew credentials")

// renew asks a for a new credential in place of r's. The error is errNoRenewal
// when a is no [Renewer].
func renew(a Authenticator, r *http.Request) (string, time.Time, error) {
	renewer, ok := a.(Renewer)
	if !ok {
		return "", time.Time{}, errNoRenewal
	}
	return renewer.Renew(r)
}

// renew asks for a new bearer for the workspace that the request comes from.
func (x *exchange) renew(in admitted) (issue, error) {
	err := x.enter(in.ctx, atRenewer, func(at *position) { at.provider = bearerRenewal })
	if err != nil {
		return issue{}, err
	}
	bearer, expiresAt, err := renew(x.auth, x.request)
	if err != nil {
		return issue{}, err
	}
	if !wire.IsToken(bearer) || !expiresAt.After(time.Now()) {
		return issue{}, errors.New("tokenhttp: the renewer's bearer is malformed or has expired")
	}
	return issue{bearer, expiresAt}, nil
}

// asBearer encodes a new bearer.
func asBearer(bearer string, expiresAt time.Time) (wire.Answer, error) {
	return wire.JSONAnswer(bearerAnswer{Bearer: bearer, ExpiresAt: wire.FormatTime(expiresAt)}), nil
}
