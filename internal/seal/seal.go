// Package seal encrypts what is kept where others can read and write: the store
// that replicas share.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
)

// KeySize is the size of a key in bytes: that of AES-256.
const KeySize = 32

// format is the first byte of a sealed value. What follows is a random nonce of
// 12 bytes, the plain text encrypted with AES-256-GCM, and its tag of 16 bytes.
// The name is the associated data, so that a value doesn't open under another
// name.
const format = 1

// Sealer seals with the first of its keys and opens with all of them, so that
// keys can be rotated. It is safe for concurrent use.
type Sealer struct{ aeads []cipher.AEAD }

// New returns a Sealer with copies of keys. An error begins with option, the name
// under which the caller was given them: there must be one at least, and each
// must have [KeySize] bytes.
func New(option string, keys [][]byte) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s is empty; give at least one key of %d random bytes", option, KeySize)
	}
	s := &Sealer{}
	for n, key := range keys {
		if len(key) != KeySize {
			return nil, fmt.Errorf("%s[%d] has %d bytes; it must be %d random bytes", option, n, len(key), KeySize)
		}
		block, err := aes.NewCipher(key) // keeps no reference to key
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", option, n, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", option, n, err)
		}
		s.aeads = append(s.aeads, aead)
	}
	return s, nil
}

// Seal returns plain encrypted under name.
func (s *Sealer) Seal(plain []byte, name string) []byte {
	return s.aeads[0].Seal([]byte{format}, nil, plain, []byte(name))
}

// The errors of Open say what an operator can look into, and nothing of the
// value.
var (
	ErrFormat = errors.New("the value isn't a sealed one of a known format")
	ErrKey    = errors.New("none of the seal keys opens the value, or it was changed or belongs to another key")
)

// Open returns what was sealed under name, or [ErrFormat] or [ErrKey].
func (s *Sealer) Open(sealed []byte, name string) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != format {
		return nil, ErrFormat
	}
	for _, aead := range s.aeads {
		if plain, err := aead.Open(nil, nil, sealed[1:], []byte(name)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrKey
}
