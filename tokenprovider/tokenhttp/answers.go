package tokenhttp

import (
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// What goes over the wire, for both sides of it.

const (
	// rejectedHeader names, by its [tokenprovider.TokenSHA256], a token that a forge refused before its time. There is one
	// of them for each such token, the newest first.
	rejectedHeader = "Provisionkit-Rejected"
	// minTTLParam is the query parameter for the life that a caller needs, a Go duration.
	minTTLParam = "min_ttl"
)

// tokenAnswer is the body of a 200 for a token.
type tokenAnswer struct {
	Token     string `json:"token"`
	ExpiresAt string `json:"expires_at,omitempty"` // RFC 3339; absent: not known
	Username  string `json:"username"`
}

// bearerAnswer is the body of a 200 for a renewed bearer.
type bearerAnswer struct {
	Bearer    string `json:"bearer"`
	ExpiresAt string `json:"expires_at"` // RFC 3339
}

// errorAnswer is the body of every refusal.
type errorAnswer struct {
	Error string             `json:"error"`
	Code  tokenprovider.Code `json:"code"`
}

// wireTime is t as the answers carry it, in whole seconds rounded down; "" for a time that isn't known.
func wireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return sayable(t).Format(time.RFC3339)
}

// sayable is t in whole seconds of UTC, or the time next to it that RFC 3339 has digits for: a provider may use any time
// for one that never comes. What lies before all of them isn't known.
func sayable(t time.Time) time.Time {
	switch t = t.UTC().Truncate(time.Second); {
	case t.Year() > 9999:
		return time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	case t.Year() < 0:
		return time.Time{}
	}
	return t
}

// knownCode reports whether code is one that both sides give a meaning to.
func knownCode(code tokenprovider.Code) bool {
	return slices.Contains([]tokenprovider.Code{
		tokenprovider.CodeNotConfigured, tokenprovider.CodeUnauthenticated, tokenprovider.CodeForbidden, tokenprovider.CodeNotFound,
		tokenprovider.CodeInvalidRequest, tokenprovider.CodeRateLimited, tokenprovider.CodeUnavailable, tokenprovider.CodeInternal,
	}, code)
}

// printable reports whether s is one word of visible ASCII: what a bearer, a token and a username have to be so that
// no header, line or URL around them can be broken out of.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
