package issuertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

// newKey returns a new key for an algorithm.
func newKey(algorithm string) crypto.Signer {
	var key crypto.Signer
	var err error
	switch algorithm {
	case "RS256":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		panic("issuertest: no keys for " + algorithm)
	}
	if err != nil {
		panic(err)
	}
	return key
}

// public returns the key as a JWK (RFC 7517, RFC 8037).
func (k signingKey) public() map[string]string {
	jwk := map[string]string{"kid": k.id, "alg": k.algorithm, "use": "sig"}
	switch key := k.key.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			panic(err)
		}
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", encode(key)
	}
	return jwk
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign returns a JWT with that key id in its header.
func sign(key signingKey, id string, claims jwt.MapClaims) string {
	token := jwt.NewWithClaims(jwt.GetSigningMethod(key.algorithm), claims)
	token.Header["kid"] = id
	signed, err := token.SignedString(key.key)
	if err != nil {
		panic(err)
	}
	return signed
}
