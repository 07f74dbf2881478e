package workloadid

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// keyFinder finds the public keys that may have made a signature: those with an
// id, or all for a token that names none. Without any it returns the refusal of
// the token, or that it couldn't be decided.
type keyFinder interface {
	find(ctx context.Context, algorithm, id string) ([]crypto.PublicKey, error)
}

// keyFile finds keys in a file.
type keyFile struct{ file *file[[]jose.JSONWebKey] }

func (f keyFile) find(ctx context.Context, algorithm, id string) ([]crypto.PublicKey, error) {
	if found := matching(f.file.get(ctx), algorithm, id); len(found) > 0 {
		return found, nil
	}
	return nil, unknownKey(id)
}

func unknownKey(id string) error {
	return unauthenticated("the issuer has no key for it with the id %q", quote(id))
}

// matching returns those of keys that may have made a signature.
func matching(keys []jose.JSONWebKey, algorithm, id string) []crypto.PublicKey {
	var found []crypto.PublicKey
	for _, key := range keys {
		if (id == "" || key.KeyID == id) && (key.Algorithm == "" || key.Algorithm == algorithm) {
			found = append(found, key.Key)
		}
	}
	return found
}

// parseKeys returns the public keys for signatures in a key set. Those that it
// doesn't understand it leaves out, as RFC 7517 has it (section 5). A set without
// a usable key is an error.
func parseKeys(content []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(content, &set) != nil {
		return nil, errors.New("it is no key set (a JWKS, RFC 7517)")
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil || !key.Valid() || !key.IsPublic() {
			continue
		}
		// The last is SPIFFE's word for it, in a trust bundle.
		if slices.Contains([]string{"", "sig", "jwt-svid"}, key.Use) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no public key for signatures")
	}
	return keys, nil
}
