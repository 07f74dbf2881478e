package tokenhttp

// minTTLParam is the query parameter for the life that a caller needs, a Go
// duration.
const minTTLParam = "min_ttl"

// tokenAnswer is the body of a 200 for a token.
type tokenAnswer struct {
	Token     string `json:"token"`
	ExpiresAt string `json:"expires_at,omitempty"` // RFC 3339; absent: not known
	Username  string `json:"username"`
}
