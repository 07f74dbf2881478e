package appkey

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode"

	"github.com/molecule-ai/provisionkit/internal/testutil"
)

// FuzzKeys reads whatever may stand where a private key should: keys that can
// sign, or an error that shows nothing of it.
func FuzzKeys(f *testing.F) {
	whole := string(testutil.RSAKeyPEM(f, 0))
	body := whole[strings.IndexByte(whole, '\n')+1 : strings.Index(whole, "-----END")]
	for _, seed := range []string{
		whole, whole + whole, whole[:len(whole)/2], strings.ReplaceAll(whole, "\n", `\\n`), strings.ReplaceAll(whole, "\n", ""),
		base64.StdEncoding.EncodeToString([]byte(whole)), base64.StdEncoding.EncodeToString([]byte(body)), "SHA256:x", "/run/app.pem",
		strings.ReplaceAll(whole, "\n", "\r\n"), "\ufeff\"" + whole + "\"", "",
		"-----BEGIN RSA PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
		"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "ssh-rsa AAAAB3NzaC1yc2E",
		"-----BEGIN \x1b[31m-----\nMAA=\n-----END \x1b[31m-----\n", "-----BEGIN " + body[:64] + "-----\nMAA=\n-----END " + body[:64] + "-----\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := Parse(text)
		if err == nil {
			if len(keys) == 0 {
				t.Error("no key and no error")
			}
			for _, k := range keys {
				if k.signer == nil || k.public.N.BitLen() < minBits {
					t.Errorf("a key that can't sign for an app: %d bits", k.public.N.BitLen())
				}
			}
			return
		}
		if keys != nil {
			t.Error("an error comes with keys")
		}
		if leak := testutil.Leak(err.Error(), body); leak != "" || len(err.Error()) > 300 || strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("an error that mustn't be logged: %s %q", leak, err)
		}
	})
}
