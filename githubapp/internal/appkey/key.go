// Package appkey has the private keys of a GitHub App: how they are read, and
// which of them is in use.
//
// No error of this package quotes what was read: it may be a key, or most of
// one.
package appkey

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// minBits is the least size of a key that RS256 allows. GitHub hands out keys
// of this size.
const minBits = 2048

// Key is one of an app's private keys, or the way to one that is held
// elsewhere. It is immutable.
type Key struct {
	signer      crypto.Signer
	public      *rsa.PublicKey
	fingerprint string
}

// New returns the key that s signs with. The text of an error is the rest of a
// sentence that begins with the name of what s was given as.
func New(s crypto.Signer) (*Key, error) {
	if foreign.IsNil(s) {
		return nil, errors.New("is nil")
	}
	var given crypto.PublicKey
	err := foreign.Do("its method Public", func() error { given = s.Public(); return nil })
	if err != nil {
		return nil, fmt.Errorf("has no public key: %w", err)
	}
	public, ok := given.(*rsa.PublicKey)
	if !ok || public == nil {
		return nil, fmt.Errorf("has a public key of type %T; GitHub Apps sign with RSA", given)
	}
	if bits := public.N.BitLen(); bits < minBits {
		return nil, fmt.Errorf("has a key of %d bits; an app's has at least %d (RFC 7518, section 3.3)",
			bits, minBits)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("has an unusable public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return &Key{s, public, "SHA256:" + base64.StdEncoding.EncodeToString(sum[:])}, nil
}

// Fingerprint returns k's fingerprint as GitHub shows it on the app's settings
// page.
func (k *Key) Fingerprint() string { return k.fingerprint }

// Same reports whether k and other have the same fingerprint: a key that was
// read twice is one key.
func (k *Key) Same(other *Key) bool { return k.fingerprint == other.fingerprint }

// SignRS256 returns the signature of text by RSASSA-PKCS1-v1_5 with SHA-256
// (RFC 7518, section 3.3). A signer that has no answer at the end of ctx is left
// behind. What it returns is checked: a KMS may be set to another algorithm or
// hold another key. The error is a [*tokenprovider.Error].
func (k *Key) SignRS256(ctx context.Context, text string) ([]byte, error) {
	digest := sha256.Sum256([]byte(text))
	signed, err := foreign.Within(ctx, "the signer of key "+k.fingerprint, func(context.Context) ([]byte, error) {
		return k.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	})
	code := tokenprovider.CodeInternal
	switch defect, ok := errors.AsType[*foreign.Defect](err); {
	case ok:
		err = defect
	case err != nil:
		code, err = tokenprovider.CodeUnavailable, fmt.Errorf("sign with key %s: %w", k.fingerprint, err)
	case rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest[:], signed) != nil:
		err = fmt.Errorf("the signer of key %s doesn't sign with RSASSA-PKCS1-v1_5 and SHA-256, "+
			"or signs with another key", k.fingerprint)
	default:
		return signed, nil
	}
	return nil, &tokenprovider.Error{Code: code, Err: err}
}
