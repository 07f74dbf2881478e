package tokenhttp

import (
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Renewer is an [Authenticator] that exchanges a workspace's credential for a new one, so that this credential doesn't
// become the token that dies. With one, the Handler serves POST /workspaces/{id}/bearer.
//
// Renew is called with a request that was authenticated as a workspace, not as an administrator, and that
// [Options].Admit let in. The new bearer is for that same workspace; the old one stays valid until it expires. The
// errors are those of an Authenticator, and [tokenprovider.ErrNotConfigured] where there is nothing to renew with.
type Renewer interface {
	Renew(r *http.Request) (bearer string, expiresAt time.Time, err error)
}

var errNoRenewal = &tokenprovider.Error{
	Code: tokenprovider.CodeNotConfigured, Err: errors.New("tokenhttp: the authenticator doesn't renew credentials"),
}

// renew asks a for a new credential in place of r's; errNoRenewal when a is no [Renewer].
func renew(a Authenticator, r *http.Request) (string, time.Time, error) {
	renewer, ok := a.(Renewer)
	if !ok {
		return "", time.Time{}, errNoRenewal
	}
	return renewer.Renew(r)
}
