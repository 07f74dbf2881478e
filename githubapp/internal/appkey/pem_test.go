package appkey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func pkcs8(t testing.TB, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestKeysAreReadInEveryForm(t *testing.T) {
	pkcs1 := testutil.RSAKeyPEM(t, 0)
	want, err := appkey.New(testutil.RSAKey(t, 0))
	require.NoError(t, err)
	for name, text := range map[string][]byte{
		"PKCS#1":                pkcs1,
		"PKCS#8":                pkcs8(t, testutil.RSAKey(t, 0)),
		"CRLF":                  bytes.ReplaceAll(pkcs1, []byte("\n"), []byte("\r\n")),
		`\n in place of lines`:  bytes.ReplaceAll(pkcs1, []byte("\n"), []byte(`\n`)),
		`\r\n in place of them`: bytes.ReplaceAll(pkcs1, []byte("\n"), []byte(`\r\n`)),
		"white space around":    []byte("\n  \n" + string(pkcs1) + "\n\n"),
		"indented":              bytes.ReplaceAll(append([]byte("  "), pkcs1...), []byte("\n"), []byte("\n  ")),
		"quoted":                append(append([]byte(`"`), bytes.ReplaceAll(pkcs1, []byte("\n"), []byte(`\n`))...), '"'),
		"byte order mark":       append([]byte("\ufeff"), pkcs1...),
		"a comment before it":   append([]byte("# the app's key\n"), pkcs1...),
		"two keys":              append(bytes.Clone(testutil.RSAKeyPEM(t, 1)), pkcs1...),
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := appkey.Parse(text)
			require.NoError(t, err)
			last := keys[len(keys)-1]
			require.True(t, want.Same(last))
			_, err = last.SignRS256("header.claims")
			require.NoError(t, err)
			require.Equal(t, name == "two keys", len(keys) == 2)
		})
	}
}

func TestAMalformedKeyIsRefusedWithAReason(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	block, _ := pem.Decode(testutil.RSAKeyPEM(t, 0))
	encode := func(kind string, headers map[string]string, body []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: body})
	}
	old := map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		text []byte
		says string
	}{
		"no PEM":         {[]byte("ghs_notakeyatall0123456789"), "holds no whole PEM block"},
		"cut short":      {testutil.RSAKeyPEM(t, 0)[:800], "holds no whole PEM block"},
		"broken":         {encode("RSA PRIVATE KEY", nil, block.Bytes[:300]), "malformed RSA PRIVATE KEY"},
		"PKCS#8 label":   {encode("PRIVATE KEY", nil, block.Bytes), "malformed PRIVATE KEY"},
		"public key":     {encode("PUBLIC KEY", nil, []byte("x")), "holds PEM of type PUBLIC KEY; what is needed is the app's private key"},
		"certificate":    {encode("CERTIFICATE", nil, []byte("x")), "holds PEM of type CERTIFICATE"},
		"EC":             {encode("EC PRIVATE KEY", nil, []byte("x")), "holds PEM of type EC PRIVATE KEY"},
		"OpenSSH":        {encode("OPENSSH PRIVATE KEY", nil, []byte("x")), "holds PEM of type OPENSSH PRIVATE KEY"},
		"too short":      {encode("RSA PRIVATE KEY", nil, x509.MarshalPKCS1PrivateKey(short)), "has a key of 1024 bits; an app's has at least 2048"},
		"encrypted":      {encode("ENCRYPTED PRIVATE KEY", nil, []byte("x")), "openssl rsa"},
		"encrypted, old": {encode("RSA PRIVATE KEY", old, []byte("x")), "openssl rsa"},
		"not RSA":        {pkcs8(t, curve), "ecdsa"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := appkey.Parse(c.text)
			require.Empty(t, keys)
			require.ErrorContains(t, err, c.says)
			_, body, _ := strings.Cut(string(c.text), "-----\n") // the lines around it are no secret
			body, _, _ = strings.Cut(body, "-----END")
			require.Empty(t, testutil.Leak(err.Error(), body))

			file := filepath.Join(t.TempDir(), "app.pem")
			require.NoError(t, os.WriteFile(file, c.text, 0o600))
			_, err = appkey.ReadFile(file)
			require.ErrorContains(t, err, file+" ")
			require.ErrorContains(t, err, c.says)
			require.Empty(t, testutil.Leak(err.Error(), body))
		})
	}
}
