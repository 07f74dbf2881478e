package tokenhttp

import (
	"crypto/sha256"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// maxVerified bounds the bearers that a [WorkspaceKey] remembers, at about 400
// bytes each.
const maxVerified = 8192

// verified remembers the claims of bearers whose signature held, by their
// digest: a workspace comes with the same one all its life, and taking a JWT
// apart costs more than all the rest of an answer. What depends on the clock
// isn't remembered. Only bearers that were issued get in, so strangers can't fill
// it.
type verified struct {
	mu     sync.RWMutex
	claims map[[sha256.Size]byte]*jwt.RegisteredClaims
}

// find returns the claims of bearer, not to be changed; nil when it isn't
// known.
func (v *verified) find(bearer string) *jwt.RegisteredClaims {
	digest := sha256.Sum256([]byte(bearer))
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.claims[digest]
}

// add remembers bearer. When there are too many all are forgotten: each costs
// one more verification then.
func (v *verified) add(bearer string, claims *jwt.RegisteredClaims) {
	digest := sha256.Sum256([]byte(bearer))
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.claims == nil || len(v.claims) >= maxVerified {
		v.claims = make(map[[sha256.Size]byte]*jwt.RegisteredClaims)
	}
	v.claims[digest] = claims
}
