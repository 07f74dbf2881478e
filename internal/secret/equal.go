package secret

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Equal reports whether a and b are the same, in a time that tells nothing of
// either: not their lengths, nor where they begin to differ.
func Equal(a, b string) bool {
	sumA, sumB := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(sumA[:], sumB[:]) == 1
}
