package tokenprovider

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// sealFormat is the first byte of a sealed value. What follows is a random nonce of 12 bytes, the JSON of a storedToken
// encrypted with AES-256-GCM, and its tag of 16 bytes. The key name is the associated data, so that a value doesn't
// open under another key name.
const sealFormat = 1

const sealKeySize = 32 // of AES-256

// storedToken is what a sealed value holds.
type storedToken struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: unknown
	MintedAt  time.Time `json:"minted_at"`           // when the provider delivered it
}

// sealer seals with the first of its keys and opens with all of them.
type sealer []cipher.AEAD

func newSealer(keys [][]byte) (sealer, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("tokenprovider: SharedOptions.SealKeys is empty; give at least one key of %d random bytes", sealKeySize)
	}
	var s sealer
	for n, key := range keys {
		if len(key) != sealKeySize {
			return nil, fmt.Errorf("tokenprovider: SharedOptions.SealKeys[%d] has %d bytes; it must be %d random bytes", n, len(key), sealKeySize)
		}
		block, err := aes.NewCipher(key) // keeps no reference to key
		if err != nil {
			return nil, fmt.Errorf("tokenprovider: SharedOptions.SealKeys[%d]: %w", n, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("tokenprovider: SharedOptions.SealKeys[%d]: %w", n, err)
		}
		s = append(s, aead)
	}
	return s, nil
}

func (s sealer) seal(t *storedToken, keyName string) ([]byte, error) {
	plain, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode the token's times: %w", err)
	}
	return s[0].Seal([]byte{sealFormat}, nil, plain, []byte(keyName)), nil
}

// The errors of open say what an operator can look into, and nothing of the value.
var (
	errSealFormat = errors.New("the value isn't a sealed token of a known format")
	errSealKey    = errors.New("none of the seal keys opens the value, or it was changed or belongs to another key")
)

func (s sealer) open(sealed []byte, keyName string) (*storedToken, error) {
	if len(sealed) == 0 || sealed[0] != sealFormat {
		return nil, errSealFormat
	}
	for _, aead := range s {
		plain, err := aead.Open(nil, nil, sealed[1:], []byte(keyName))
		if err != nil {
			continue
		}
		var t storedToken
		if json.Unmarshal(plain, &t) != nil || t.Token == "" {
			return nil, errSealFormat
		}
		return &t, nil
	}
	return nil, errSealKey
}
