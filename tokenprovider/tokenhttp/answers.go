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

// bearerAnswer is the body of a 200 for a renewed bearer.
type bearerAnswer struct {
	Bearer    string `json:"bearer"`
	ExpiresAt string `json:"expires_at"` // RFC 3339
}
