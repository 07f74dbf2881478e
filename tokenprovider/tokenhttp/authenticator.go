package tokenhttp

import (
	"errors"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// Principal is the sender of a request, as its credentials prove. With a
// WorkspaceID it is that workspace, which may have its own token and no other.
// With Admin it is an administrator, who may have every token. One with neither
// is refused. With both it is an administrator who asks for that workspace's
// token.
//
// IssuedAt and NoExpiry describe the bearer, so two Principals of one workspace
// can differ: to count or compare workspaces, use the WorkspaceID. An
// administrator has neither.
type Principal struct {
	WorkspaceID string
	Admin       bool
	IssuedAt    time.Time // when the bearer was issued, in UTC and whole seconds; zero: not known
	NoExpiry    bool      // the bearer never expires: refused where Options.Admit is nil
}

// Authenticator finds out who sent a request. Authenticate returns one of
// these:
//
//   - a [Principal] and no error: it is the sender;
//   - [ErrUnauthenticated] (by [errors.Is]): the credentials are missing or
//     wrong, and the Handler answers 401;
//   - [ErrForbidden]: the sender is known and isn't allowed; 403;
//   - any other error: it couldn't be decided, for example because a database
//     is down; 503.
//
// An Authenticator judges by the credentials alone: Origin, Referer and an id
// in the URL prove nothing, since the sender chooses them. Its errors hold no
// credentials. It must be safe for concurrent use. It must return when the
// request's ctx ends, and not read the request after that.
//
// [AdminToken] and [AnyOf] return Authenticators, and a [WorkspaceKey] is one.
// Module workloadid has some for identities that others issue. An Authenticator
// of your own around a WorkspaceKey has to return all fields of the
// WorkspaceKey's Principal: without NoExpiry, a bearer that never expires would
// count as one that does.
type Authenticator interface {
	Authenticate(r *http.Request) (Principal, error)
}

// ErrUnauthenticated means that a request has no credentials, or wrong ones.
// Authenticators return it.
var ErrUnauthenticated = errors.New("tokenhttp: unauthenticated")

// ErrForbidden means that the sender of a request is known and may not have
// what they ask for. Authenticators, [Options].Admit and Sources return it.
var ErrForbidden = errors.New("tokenhttp: forbidden")

// bearerOf returns the bearer of r, or [ErrUnauthenticated].
func bearerOf(r *http.Request) (string, error) {
	bearer, ok := wire.Bearer(r.Header)
	if !ok {
		return "", ErrUnauthenticated
	}
	return bearer, nil
}
