package appkey

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Parse returns all private keys in text, of which there must be one at least:
// PEM in PKCS#1 or PKCS#8. The text of an error is the rest of a sentence that
// begins with the name of what was read.
func Parse(text []byte) ([]*Key, error) {
	text = unwrap(text)
	var keys []*Key
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		private, err := parseKey(block)
		if err != nil {
			return nil, err
		}
		k, err := New(private)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
		text = rest
	}
	if len(keys) == 0 {
		return nil, errors.New("holds no whole PEM block, " +
			"from -----BEGIN RSA PRIVATE KEY----- to the line that ends it")
	}
	return keys, nil
}

// unwrap returns text without what happens to PEM on its way: CRLF at the ends
// of lines, a literal \n in their place or quotes around all, as left by tools
// that put a file into an environment variable, lines that were indented, a
// byte order mark.
func unwrap(text []byte) []byte {
	text = bytes.Trim(bytes.TrimPrefix(text, []byte("\ufeff")), "\"' \t\r\n")
	if !bytes.Contains(text, []byte("\n")) {
		text = bytes.ReplaceAll(text, []byte(`\r`), nil)
		text = bytes.ReplaceAll(text, []byte(`\n`), []byte("\n"))
	}
	var lines []byte
	for line := range bytes.Lines(text) {
		lines = append(append(lines, bytes.TrimSpace(line)...), '\n')
	}
	return lines
}

// parseKey returns the RSA key in block.
func parseKey(block *pem.Block) (*rsa.PrivateKey, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("holds an encrypted key; decrypt it with: openssl rsa -in KEY -out DECRYPTED")
	}
	malformed := fmt.Errorf("holds a malformed %s; get a new key from the app's settings page", block.Type)
	switch block.Type {
	case "RSA PRIVATE KEY":
		private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, malformed
		}
		return private, nil
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, malformed
		}
		private, ok := parsed.(*rsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("holds a key of type %T; GitHub Apps sign with RSA", parsed)
		}
		return private, nil
	default:
		return nil, fmt.Errorf("holds PEM of %s; what is needed is the app's private key, "+
			"which begins with -----BEGIN RSA PRIVATE KEY-----", pemType(block))
	}
}

// maxPEMType is longer than any type of PEM that there is, in bytes.
const maxPEMType = 40

// pemType returns the block's type as an error may show it. In a file that was
// mangled, what stands there can be anything, a part of the key too.
func pemType(block *pem.Block) string {
	other := strings.Trim(block.Type, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")
	if other != "" || len(block.Type) > maxPEMType {
		return "an unknown type"
	}
	return "type " + block.Type
}
