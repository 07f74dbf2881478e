package githubapp_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"

	"github.com/molecule-ai/provisionkit/githubapp"
)

// kms stands for a service that signs with a key it never hands out.
type kms struct{ key *rsa.PrivateKey }

// signPKCS1v15SHA256 stands for the service's call; AWS names the algorithm
// RSASSA_PKCS1_V1_5_SHA_256.
func (k kms) signPKCS1v15SHA256(_ context.Context, digest []byte) ([]byte, error) {
	return rsa.SignPKCS1v15(nil, k.key, crypto.SHA256, digest)
}

// kmsSigner makes a crypto.Signer of it, which is all that an App needs of a
// key.
type kmsSigner struct {
	service kms
	public  crypto.PublicKey // fetched once
}

func (s kmsSigner) Public() crypto.PublicKey { return s.public }

func (s kmsSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, fmt.Errorf("kms: %v isn't supported", opts.HashFunc())
	}
	return s.service.signPKCS1v15SHA256(context.Background(), digest)
}

func ExampleOptions_signers() {
	github, opts, installationID := fake()
	defer github.Close()
	service := kms{exampleKey(opts.PrivateKey)}

	opts.PrivateKey = nil
	opts.Signers = []crypto.Signer{kmsSigner{service, service.key.Public()}}
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	token, _, err := app.Installation(installationID).Token(context.Background())
	fmt.Println(token != "", err)
	// Output: true <nil>
}

func exampleKey(text []byte) *rsa.PrivateKey {
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		log.Fatal(err)
	}
	return key
}
