package githubapp

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
)

// maxKeyFile bounds a key file: reading a device or a log by mistake ends.
const maxKeyFile = 256 << 10

// minKeyBits is the least that RS256 allows; GitHub hands out keys of this size.
const minKeyBits = 2048

// key is one of the app's private keys, or the way to one.
type key struct {
	signer      crypto.Signer
	public      *rsa.PublicKey
	fingerprint string // as GitHub shows it on the app's settings page
}

func newKey(s crypto.Signer) (*key, error) {
	if private, ok := s.(*rsa.PrivateKey); s == nil || ok && private == nil {
		return nil, errors.New("is nil")
	}
	public, ok := s.Public().(*rsa.PublicKey)
	if !ok || public == nil {
		return nil, fmt.Errorf("has a public key of type %T; GitHub Apps sign with RSA", s.Public())
	}
	if public.N.BitLen() < minKeyBits {
		return nil, fmt.Errorf("has a key of %d bits; an app's has at least %d (RFC 7518, section 3.3)", public.N.BitLen(), minKeyBits)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("has an unusable public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return &key{s, public, "SHA256:" + base64.StdEncoding.EncodeToString(sum[:])}, nil
}

// is compares by fingerprint: a key that was read twice is one key.
func (k *key) is(other *key) bool { return k.fingerprint == other.fingerprint }

// keyring is the app's keys and which of them is in use. GitHub takes up to 25 keys of an app, so that a key can be
// replaced without a gap.
type keyring struct {
	file string // where the keys come from, if it is a file

	mu      sync.Mutex
	keys    []*key
	current int
}

func newKeyring(opts Options) (*keyring, error) {
	given := 0
	for _, is := range []bool{len(opts.PrivateKey) > 0, len(opts.Signers) > 0, opts.KeyFile != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, errors.New("githubapp: set exactly one of Options.PrivateKey, Options.KeyFile and Options.Signers; " +
			"a private key is made on the app's settings page")
	}
	r := &keyring{file: opts.KeyFile}
	var err error
	switch {
	case len(opts.PrivateKey) > 0:
		if r.keys, err = parseKeys(opts.PrivateKey); err != nil {
			return nil, fmt.Errorf("githubapp: Options.PrivateKey %w", err)
		}
	case opts.KeyFile != "":
		if r.keys, err = readKeys(opts.KeyFile); err != nil {
			return nil, fmt.Errorf("githubapp: Options.KeyFile: %w", err)
		}
	default:
		for n, s := range opts.Signers {
			k, err := newKey(s)
			if err != nil {
				return nil, fmt.Errorf("githubapp: Options.Signers[%d] %w", n, err)
			}
			r.keys = append(r.keys, k)
		}
	}
	return r, nil
}

// inUse is the key to sign with.
func (r *keyring) inUse() *key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[r.current]
}

func (r *keyring) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.keys)
}

// next puts another key into use after refused was refused, and reports whether there is one to go on with: one that
// isn't in tried. When somebody else has moved on already, that choice is kept.
func (r *keyring) next(refused *key, tried []*key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.keys[r.current]; !k.is(refused) {
		return !contains(tried, k)
	}
	for n := range r.keys {
		if at := (r.current + n) % len(r.keys); !contains(tried, r.keys[at]) {
			r.current = at
			return true
		}
	}
	return false
}

// reload reads the key file again, if there is one. The keys that it held before are gone when that succeeds.
func (r *keyring) reload() error {
	if r.file == "" {
		return nil
	}
	keys, err := readKeys(r.file)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	inUse := r.keys[r.current]
	r.keys, r.current = keys, 0
	for n, k := range keys {
		if k.is(inUse) {
			r.keys[n], r.current = inUse, n
		}
	}
	return nil
}

func contains(keys []*key, k *key) bool { return slices.ContainsFunc(keys, k.is) }

// notPath reports whether text can't be a path because it is, or is likely to be, a key: it must not be quoted then.
func notPath(text string) bool {
	return len(text) > 1024 || strings.Contains(text, "-----BEGIN") || strings.ContainsAny(text, "\r\n")
}

func readKeys(path string) ([]*key, error) {
	if notPath(path) {
		return nil, errors.New("holds what looks like a key; it has to be the path of a file that holds one")
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // to open a pipe can take for ever
		return nil, fmt.Errorf("%s is no regular file; it has to be the app's private key in PEM, to be read again when it is replaced", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; it has to be the app's private key in PEM, readable for this process", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("%s is larger than %d bytes; it has to be a private key in PEM", path, maxKeyFile)
	}
	keys, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return keys, nil
}
