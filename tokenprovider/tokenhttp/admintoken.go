package tokenhttp

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
)

// AdminToken accepts requests with one of tokens as their bearer, as an administrator's. Give two while one replaces
// the other. It compares in constant time and keeps only digests.
//
// It panics when there is no token and when one is empty or can't be a bearer because it holds white space, a control
// character or anything but ASCII (a file's last newline, most often): a platform must not start like that.
func AdminToken(tokens ...string) Authenticator {
	if len(tokens) == 0 {
		panic("tokenhttp: AdminToken needs a token")
	}
	digests := make([][sha256.Size]byte, len(tokens))
	for i, token := range tokens {
		if !printable(token) || len(token) > maxBearer {
			panic(fmt.Sprintf("tokenhttp: AdminToken: token %d of %d is empty, longer than %d bytes, or has white space or control characters in it",
				i+1, len(tokens), maxBearer))
		}
		digests[i] = sha256.Sum256([]byte(token))
	}
	return adminToken{&digests}
}

// adminToken holds its digests behind a pointer, of which fmt prints the address: a short token can be found from its
// digest.
type adminToken struct{ digests *[][sha256.Size]byte }

func (a adminToken) Authenticate(r *http.Request) (Principal, error) {
	bearer, err := bearerOf(r)
	if err != nil {
		return Principal{}, err
	}
	digest := sha256.Sum256([]byte(bearer))
	equal := 0
	for i := range *a.digests {
		equal |= subtle.ConstantTimeCompare(digest[:], (*a.digests)[i][:])
	}
	if equal != 1 {
		return Principal{}, ErrUnauthenticated
	}
	return Principal{Admin: true}, nil
}

func (a adminToken) String() string   { return "tokenhttp.AdminToken([redacted])" }
func (a adminToken) GoString() string { return a.String() }
