package appkey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
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
		"escaped twice":         bytes.ReplaceAll(pkcs1, []byte("\n"), []byte(`\\n`)),
		"escaped, a line's end": append(bytes.ReplaceAll(pkcs1, []byte("\n"), []byte(`\n`)), '\n'),
		"spaces for lines":      bytes.ReplaceAll(pkcs1, []byte("\n"), []byte(" ")),
		"nothing for lines":     bytes.ReplaceAll(pkcs1, []byte("\n"), nil),
		"CR alone":              bytes.ReplaceAll(pkcs1, []byte("\n"), []byte("\r")),
		"begin in lower case":   bytes.ReplaceAll(pkcs1, []byte("BEGIN"), []byte("Begin")),
		"PKCS#1 as PKCS#8":      bytes.ReplaceAll(pkcs1, []byte("RSA PRIVATE"), []byte("PRIVATE")),
		"PKCS#8 as PKCS#1":      bytes.ReplaceAll(pkcs8(t, testutil.RSAKey(t, 0)), []byte(" PRIVATE"), []byte(" RSA PRIVATE")),
		"base64":                []byte(base64.StdEncoding.EncodeToString(pkcs1)),
		"base64 for URLs":       []byte(base64.RawURLEncoding.EncodeToString(pkcs1)),
		"base64 in lines":       regexp.MustCompile(`.{76}`).ReplaceAll([]byte(base64.StdEncoding.EncodeToString(pkcs1)), []byte("$0\r\n")),
		"base64, quoted":        []byte("'" + base64.StdEncoding.EncodeToString(pkcs1) + "'\n"),
		"base64 of base64":      []byte(base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(pkcs1)))),
		"the body alone":        regexp.MustCompile(`-----[^-]*-----|\s`).ReplaceAll(pkcs1, nil),
		"after its public key":  append([]byte("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"), pkcs1...),
		"two keys":              append(bytes.Clone(testutil.RSAKeyPEM(t, 1)), pkcs1...),
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := appkey.Parse(text)
			require.NoError(t, err)
			last := keys[len(keys)-1]
			require.True(t, want.Same(last))
			_, err = last.SignRS256(t.Context(), "header.claims")
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
		"a token":        {[]byte("ghs_notakeyatall0123456789"), "holds a token; what is needed is the app's private key"},
		"empty":          {[]byte(`"" `), "is empty"},
		"a fingerprint":  {[]byte("SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="), "holds the fingerprint of a key"},
		"a path":         {[]byte("/run/secrets/app.pem"), "Options.KeyFile"},
		"a file's name":  {[]byte("app.private-key.pem"), "Options.KeyFile"},
		"a secret":       {[]byte(strings.Repeat("0123456789", 4)), "holds what looks like a client secret"},
		"a client ID":    {[]byte("Iv23liABCDEF"), "holds a client ID"},
		"an app's ID":    {[]byte("123456"), "holds a number"},
		"a placeholder":  {[]byte("${{ secrets.APP_KEY }}"), "holds a placeholder"},
		"JSON":           {[]byte(`{"kty":"RSA"}`), "holds JSON"},
		"a public line":  {[]byte("ssh-rsa AAAAB3NzaC1yc2E me@example"), "holds an SSH public key"},
		"anything":       {[]byte("hunter2 and more of it"), "holds no PEM, nor base64 of it"},
		"base64 of that": {[]byte(base64.StdEncoding.EncodeToString([]byte("hunter2 and more of it"))), "holds no PEM, nor base64 of it"},
		"without begin":  {bytes.TrimPrefix(testutil.RSAKeyPEM(t, 0), []byte("-----BEGIN RSA PRIVATE KEY-----")), "the line that begins it is missing"},
		"cut short":      {testutil.RSAKeyPEM(t, 0)[:800], "holds no whole PEM block"},
		"broken":         {encode("RSA PRIVATE KEY", nil, block.Bytes[:300]), "malformed RSA PRIVATE KEY"},
		"public key":     {encode("PUBLIC KEY", nil, []byte("x")), "holds a public key; what is needed is the app's private key"},
		"certificate":    {encode("CERTIFICATE", nil, []byte("x")), "holds a certificate"},
		"EC":             {encode("EC PRIVATE KEY", nil, []byte("x")), "holds a key of an elliptic curve"},
		"OpenSSH":        {encode("OPENSSH PRIVATE KEY", nil, []byte("x")), "holds an SSH key"},
		"too short":      {encode("RSA PRIVATE KEY", nil, x509.MarshalPKCS1PrivateKey(short)), "has a key of 1024 bits; an app's has at least 2048"},
		"PGP":            {encode("PGP PRIVATE KEY BLOCK", nil, []byte("x")), "holds PEM of another type"},
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
