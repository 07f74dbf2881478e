package appkey

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Parse returns all private keys in text, of which there must be one at least:
// PEM in PKCS#1 or PKCS#8, or what becomes of it where only one line fits, such
// as an environment variable. The text of an error is the rest of a sentence
// that begins with the name of what was read.
func Parse(text []byte) ([]*Key, error) {
	plain := unwrap(string(text))
	blocks := block.FindAllStringSubmatch(plain, -1)
	if blocks == nil {
		private, err := parseDER(decodeBase64(plain)) // without the lines around it
		if err != nil {
			return nil, fmt.Errorf("%s; %s", guess(plain), needed)
		}
		return newKeys(private)
	}
	var found []*rsa.PrivateKey
	var other error // what else there is matters only where there is no key
	for _, b := range blocks {
		private, err := parseBlock(strings.ToUpper(b[1]), b[2])
		if wrong, ok := errors.AsType[wrongType](err); ok {
			other = wrong
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, private)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w; %s", other, needed)
	}
	return newKeys(found...)
}

// block is one of PEM's, whatever became of its line breaks and of the case of
// its first line. The first group is its type, the second what it holds.
var block = regexp.MustCompile(`(?is)-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END [A-Z0-9 ]{1,40}-----`)

// needed ends the error for anything else than a private key.
const needed = "what is needed is the app's private key, " +
	"which begins with -----BEGIN RSA PRIVATE KEY----- (base64 of the whole file is fine too)"

func newKeys(private ...*rsa.PrivateKey) ([]*Key, error) {
	keys := make([]*Key, len(private))
	for n, p := range private {
		var err error
		if keys[n], err = New(p); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// escapedBreak is a line break that was escaped, once or more often.
var escapedBreak = regexp.MustCompile(`\\+[rn]`)

// unwrap returns text without what happens to PEM on its way: quotes around
// all, a byte order mark, line breaks that were escaped, base64 of the file,
// twice where a tool that makes it was given it.
func unwrap(text string) string {
	text = trim(text)
	inner := text
	for range 3 {
		if strings.Contains(strings.ToUpper(inner), "-----BEGIN ") {
			return inner
		}
		inner = trim(string(decodeBase64(inner)))
	}
	return text
}

func trim(text string) string {
	text = strings.Trim(strings.TrimPrefix(text, "\ufeff"), "\"'` \t\r\n")
	return escapedBreak.ReplaceAllString(text, "\n")
}

// decodeBase64 returns what text is the base64 of, in lines or not, with its
// padding or without, in the alphabet for URLs too; nil where it isn't base64.
func decodeBase64(text string) []byte {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Cf, r), r == '=':
			return -1
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		}
		return r
	}, text)
	plain, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return plain
}

// wrongType is the error for PEM that is no private key.
type wrongType string

func (w wrongType) Error() string { return string(w) }

// parseBlock returns the RSA key in a block of PEM.
func parseBlock(label, body string) (*rsa.PrivateKey, error) {
	if label == "ENCRYPTED PRIVATE KEY" || strings.Contains(body, "DEK-Info") {
		return nil, errors.New("holds an encrypted key; decrypt it with: openssl rsa -in KEY -out DECRYPTED")
	}
	switch label {
	case "RSA PRIVATE KEY", "PRIVATE KEY": // whose bodies get mixed up
		private, err := parseDER(decodeBase64(body))
		if errors.Is(err, errMalformed) {
			return nil, fmt.Errorf("holds a malformed %s; get a new key from the app's settings page", label)
		}
		return private, err
	case "PUBLIC KEY", "RSA PUBLIC KEY":
		return nil, wrongType("holds a public key")
	case "OPENSSH PRIVATE KEY":
		return nil, wrongType("holds an SSH key")
	case "CERTIFICATE", "CERTIFICATE REQUEST":
		return nil, wrongType("holds a certificate")
	case "EC PRIVATE KEY":
		return nil, wrongType("holds a key of an elliptic curve, and GitHub Apps sign with RSA")
	}
	return nil, wrongType("holds PEM of another type") // which, in a mangled file, can be a part of the key
}

var errMalformed = errors.New("malformed")

// parseDER returns the RSA key in der, by PKCS#1 or PKCS#8.
func parseDER(der []byte) (*rsa.PrivateKey, error) {
	if private, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return private, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errMalformed
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("holds a key of type %T; GitHub Apps sign with RSA", parsed)
	}
	return private, nil
}
