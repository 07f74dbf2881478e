package testutil

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

var (
	keysMu     sync.Mutex
	keys       []*rsa.PrivateKey
	signatures sync.Map // by signing
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

// RSASigner returns a signer with that key, which signs the same digest once in the
// whole test binary: a signature takes a millisecond, and in bubbles, whose time
// begins at the same moment, the same JWT is signed again and again.
func RSASigner(t testing.TB, n int) crypto.Signer {
	t.Helper()
	return rememberingSigner{RSAKey(t, n)}
}

type rememberingSigner struct{ *rsa.PrivateKey }

func (s rememberingSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	type signing struct {
		key    *rsa.PrivateKey
		digest string
		opts   crypto.SignerOpts
	}
	of := signing{s.PrivateKey, string(digest), opts}
	if signed, ok := signatures.Load(of); ok {
		return signed.([]byte), nil
	}
	signed, err := s.PrivateKey.Sign(random, digest, opts)
	if err == nil {
		signatures.Store(of, signed)
	}
	return signed, err
}
