package tokenhttp

import (
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// Principal is who a request comes from, as its credentials prove. A workspace
// has its id and may have that workspace's token and no other; an administrator
// may have every one. One that is neither is nobody and is refused.
//
// IssuedAt and NoExpiry are of the bearer that proved it, and tell two bearers
// of one workspace apart: who counts or compares workspaces does so by
// WorkspaceID. An administrator who acts for a workspace has neither.
type Principal struct {
	WorkspaceID string
	Admin       bool
	IssuedAt    time.Time // in UTC and whole seconds, as a JWT has it; zero: not known
	NoExpiry    bool      // the bearer never expires: refused where Options.Admit is nil
}

// Authenticator tells who sent a request. It has three answers, and a fourth is
// a defect:
//
//   - a Principal and no error: it is them;
//   - [ErrUnauthenticated] (errors.Is): the credentials are missing or wrong; the
//     Handler answers 401;
//   - [ErrForbidden]: it is known who it is, and they may not; 403;
//   - any other error: it couldn't be decided, because a database is down for
//     example; 503. Nobody is let in on it.
//
// An Authenticator judges by the credentials alone. Origin, Referer, the
// address and an id in the URL prove nothing: whoever sends the request chooses
// them. Its errors hold no credentials. It is safe for concurrent use. It isn't
// waited for any longer when the request ends, and then reads the request at
// its own risk.
//
// [AdminToken], [WorkspaceKey] and [AnyOf] are Authenticators, and those of module
// workloadid, for identities that others issue. One of your own around a
// [WorkspaceKey] returns the Principal that it got, with all of its fields:
// without NoExpiry a bearer that never expires would pass for another.
type Authenticator interface {
	Authenticate(r *http.Request) (Principal, error)
}

// ErrUnauthenticated says that a request has no credentials, or wrong ones.
var ErrUnauthenticated = errors.New("tokenhttp: unauthenticated")

// ErrForbidden says that a request's sender is known and may not have what they
// ask for.
var ErrForbidden = errors.New("tokenhttp: forbidden")

// bearerOf returns the bearer of r, or [ErrUnauthenticated].
func bearerOf(r *http.Request) (string, error) {
	bearer, ok := wire.Bearer(r.Header)
	if !ok {
		return "", ErrUnauthenticated
	}
	return bearer, nil
}
