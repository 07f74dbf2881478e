package testutil

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

var (
	keysMu sync.Mutex
	keys   []*rsa.PrivateKey
)

// RSAKey returns a generated RSA-2048 key. The same n gives the same key
// throughout the test binary, another n another one.
func RSAKey(t testing.TB, n int) *rsa.PrivateKey {
	t.Helper()
	keysMu.Lock()
	defer keysMu.Unlock()
	for len(keys) <= n {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatalf("generate an RSA key: %v", err)
		}
		keys = append(keys, key)
	}
	return keys[n]
}

// SignJWT returns a JWT with these claims, signed by [RSAKey] n as GitHub wants
// it.
func SignJWT(t testing.TB, n int, claims jwt.MapClaims) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(RSAKey(t, n))
	if err != nil {
		t.Fatalf("sign a JWT: %v", err)
	}
	return signed
}

// RSAKeyPEM returns [RSAKey] as PEM in PKCS#1, the form in which GitHub hands
// keys out.
func RSAKeyPEM(t testing.TB, n int) []byte {
	t.Helper()
	der := x509.MarshalPKCS1PrivateKey(RSAKey(t, n))
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der})
}
