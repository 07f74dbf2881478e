package appkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// remote is a signer of somebody else's.
type remote struct {
	public func() crypto.PublicKey
	sign   func(digest []byte) ([]byte, error)
}

func (r *remote) Public() crypto.PublicKey { return r.public() }

func (r *remote) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	return r.sign(digest)
}

func TestASignatureIsOneOfTheKeyByRS256(t *testing.T) {
	key, err := appkey.New(testutil.RSAKey(t, 0))
	require.NoError(t, err)
	signed, err := key.SignRS256(t.Context(), "header.claims")
	require.NoError(t, err)
	digest := sha256.Sum256([]byte("header.claims"))
	require.NoError(t, rsa.VerifyPKCS1v15(&testutil.RSAKey(t, 0).PublicKey, crypto.SHA256, digest[:], signed))
	require.Regexp(t, `^SHA256:[A-Za-z0-9+/]{43}=$`, key.Fingerprint())
}

func TestASignerThatBreaksIsAnErrorThatNamesItsKey(t *testing.T) {
	for name, c := range map[string]struct {
		sign func(digest []byte) ([]byte, error)
		code tokenprovider.Code
		says string
	}{
		"fails":              {func([]byte) ([]byte, error) { return nil, errors.New("kms: throttled") }, tokenprovider.CodeUnavailable, "kms: throttled"},
		"panics":             {func([]byte) ([]byte, error) { panic("ghs_secret") }, tokenprovider.CodeInternal, "panicked: a value of type string"},
		"ends its goroutine": {func([]byte) ([]byte, error) { runtime.Goexit(); return nil, nil }, tokenprovider.CodeInternal, "ended its goroutine"},
		"returns nothing":    {func([]byte) ([]byte, error) { return nil, nil }, tokenprovider.CodeInternal, "PKCS1"},
		"has another key": {func(digest []byte) ([]byte, error) {
			return testutil.RSAKey(t, 1).Sign(rand.Reader, digest, crypto.SHA256)
		}, tokenprovider.CodeInternal, "PKCS1"},
		"signs with PSS": {func(digest []byte) ([]byte, error) {
			return rsa.SignPSS(rand.Reader, testutil.RSAKey(t, 0), crypto.SHA256, digest, nil)
		}, tokenprovider.CodeInternal, "PKCS1"},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := appkey.New(&remote{testutil.RSAKey(t, 0).Public, c.sign})
			require.NoError(t, err)
			signed, err := key.SignRS256(t.Context(), "header.claims")
			require.Nil(t, signed)
			require.Equal(t, c.code, tokenprovider.CodeOf(err))
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, key.Fingerprint())
			require.NotContains(t, err.Error(), "ghs_secret")
		})
	}
}

func TestASignerWithoutAUsableKeyIsRefused(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		signer crypto.Signer
		says   string
	}{
		"nil":                    {nil, "is nil"},
		"a nil key":              {(*rsa.PrivateKey)(nil), "is nil"},
		"a nil signer":           {(*remote)(nil), "is nil"},
		"an elliptic curve":      {curve, "has a public key of type *ecdsa.PublicKey"},
		"no public key":          {&remote{public: func() crypto.PublicKey { return nil }}, "has a public key of type <nil>"},
		"a nil public key":       {&remote{public: func() crypto.PublicKey { return (*rsa.PublicKey)(nil) }}, "has a public key of type *rsa.PublicKey"},
		"one that panics for it": {&remote{public: func() crypto.PublicKey { panic("boom") }}, "its method Public panicked"},
	} {
		_, err := appkey.New(c.signer)
		require.ErrorContains(t, err, c.says, name)
	}
}
