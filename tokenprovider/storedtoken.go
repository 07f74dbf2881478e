package tokenprovider

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/seal"
)

// storedToken is what a sealed value in a [Store] holds, as JSON.
type storedToken struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: unknown
	MintedAt  time.Time `json:"minted_at"`           // when the provider delivered it
}

// seal returns t as it is stored.
func (s *Shared) seal(t *storedToken) ([]byte, error) {
	plain, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode the token's times: %w", err)
	}
	return s.sealer.Seal(plain, s.key), nil
}

// open returns what seal was given, or an error that holds nothing of it.
func (s *Shared) open(sealed []byte) (*storedToken, error) {
	plain, err := s.sealer.Open(sealed, s.key)
	if err != nil {
		return nil, err
	}
	var t storedToken
	if json.Unmarshal(plain, &t) != nil || t.Token == "" {
		return nil, seal.ErrFormat
	}
	return &t, nil
}
