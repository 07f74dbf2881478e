package wire

import (
	"net/http"
	"strings"
)

// MaxBearer bounds a bearer in bytes: what nobody issues needn't be parsed.
const MaxBearer = 8 << 10

// Bearer returns the bearer token of a request with these headers (RFC 6750,
// section 2.1). Several Authorization headers are refused: two readers could
// take different ones of them.
func Bearer(header http.Header) (string, bool) {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, bearer, _ := strings.Cut(values[0], " ")
	bearer = strings.TrimLeft(bearer, " ")
	if !strings.EqualFold(scheme, "Bearer") || !IsToken(bearer) || len(bearer) > MaxBearer {
		return "", false
	}
	return bearer, true
}
