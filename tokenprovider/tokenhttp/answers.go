package tokenhttp

// The query parameters.
const (
	minTTLParam     = "min_ttl"    // the life that a caller needs, a Go duration
	repositoryParam = "repository" // what the token is wanted for: owner or owner/name
)

// tokenAnswer is the body of a 200 for a token.
type tokenAnswer struct {
	Token     string `json:"token"`
	ExpiresAt string `json:"expires_at,omitempty"` // RFC 3339; absent: not known
	Username  string `json:"username"`
}
