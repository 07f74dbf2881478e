package wire

import (
	"net/http"
	"slices"
	"strings"
)

// MaxBearer bounds a bearer in bytes: what nobody issues needn't be parsed.
const MaxBearer = 8 << 10

// Bearer returns the bearer token of a request with these headers (RFC 6750,
// section 2.1), which may come by other schemes, too. Several Authorization
// headers are refused: two readers could take different ones of them.
func Bearer(header http.Header, schemes ...string) (string, bool) {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, bearer, _ := strings.Cut(values[0], " ")
	bearer = strings.TrimLeft(bearer, " ")
	known := slices.ContainsFunc(append(schemes, "Bearer"), func(s string) bool { return strings.EqualFold(s, scheme) })
	if !known || !IsToken(bearer) || len(bearer) > MaxBearer {
		return "", false
	}
	return bearer, true
}
