package ledger

import (
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
)

// Token is one that a workspace was given.
type Token struct {
	Value     secret.Of[string]
	MintedAt  time.Time
	ExpiresAt time.Time
	For       string // what it may be used for: tokens of the same are as good as each other
}

// Life is one life of a workspace, from a start to a release.
type Life struct {
	Generation string
	tokens     []entry
}

// Live returns the token for that which has the longest left to live, of those
// that were minted after that time, and false when there is none.
func (l Life) Live(what string, after time.Time) (Token, bool) {
	var best entry
	for _, e := range l.tokens {
		usable := !e.Owed && e.For == what && e.MintedAt.After(after) && e.lives(time.Now())
		if usable && e.ExpiresAt.After(best.ExpiresAt) {
			best = e
		}
	}
	return Token{secret.New(best.Token), best.MintedAt, best.ExpiresAt, what}, best.Token != ""
}

// Gave reports whether token is one of l's that isn't owed.
func (l Life) Gave(token string) bool {
	return slices.ContainsFunc(l.tokens, func(e entry) bool { return !e.Owed && e.is(token) })
}
