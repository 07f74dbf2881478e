package tokenhttp

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
)

// AdminToken returns an [Authenticator] that takes the sender of a request with
// one of tokens as its bearer for an administrator. Pass two tokens while one
// replaces the other. It compares in constant time and keeps only digests.
//
// It returns an error if there are no tokens, or if one is empty, longer than
// 8,192 bytes, or has white space (often the newline at the end of a file), a
// control character or anything but ASCII in it. The error gives the token's
// place and doesn't quote it.
func AdminToken(tokens ...string) (Authenticator, error) {
	if len(tokens) == 0 {
		return nil, errors.New("tokenhttp: AdminToken needs a token")
	}
	digests := make([][sha256.Size]byte, len(tokens))
	for i, token := range tokens {
		var problem string
		switch {
		case token == "":
			problem = "is empty"
		case len(token) > wire.MaxBearer:
			problem = fmt.Sprintf("is longer than %d bytes", wire.MaxBearer)
		case !wire.IsToken(token):
			problem = "has white space or control characters in it, or isn't ASCII"
		}
		if problem != "" {
			return nil, fmt.Errorf("tokenhttp: AdminToken: token %d of %d %s", i+1, len(tokens), problem)
		}
		digests[i] = sha256.Sum256([]byte(token))
	}
	return adminToken{secret.New(digests)}, nil
}

// adminToken holds its digests as secrets: a short token can be found from its
// digest.
type adminToken struct {
	digests secret.Of[[][sha256.Size]byte]
}

func (a adminToken) Authenticate(r *http.Request) (Principal, error) {
	bearer, err := bearerOf(r)
	if err != nil {
		return Principal{}, err
	}
	digest := sha256.Sum256([]byte(bearer))
	equal := 0
	for _, one := range a.digests.Reveal() {
		equal |= subtle.ConstantTimeCompare(digest[:], one[:])
	}
	if equal != 1 {
		return Principal{}, ErrUnauthenticated
	}
	return Principal{Admin: true}, nil
}
