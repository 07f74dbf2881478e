package githubapp_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
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
			g := newGitHub(t, nil)
			g.mint(t, g.app(t, func(o *githubapp.Options) { o.PrivateKey = text }).Installation(installationID))
		})
	}
}

func TestAMalformedKeyIsRefusedWithAReason(t *testing.T) {
	elliptic, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	block, _ := pem.Decode(testutil.RSAKeyPEM(t, 0))
	encode := func(kind string, headers map[string]string, body []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: body})
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		text []byte
		says string
	}{
		"no PEM":       {[]byte("ghs_notakeyatall0123456789"), "holds no whole PEM block"},
		"cut short":    {testutil.RSAKeyPEM(t, 0)[:800], "holds no whole PEM block"},
		"broken":       {encode("RSA PRIVATE KEY", nil, block.Bytes[:300]), "malformed RSA PRIVATE KEY"},
		"PKCS#8 label": {encode("PRIVATE KEY", nil, block.Bytes), "malformed PRIVATE KEY"},
		"public key":   {encode("PUBLIC KEY", nil, []byte("x")), "holds PEM of type PUBLIC KEY; what is needed is the app's private key"},
		"certificate":  {encode("CERTIFICATE", nil, []byte("x")), "holds PEM of type CERTIFICATE"},
		"EC":           {encode("EC PRIVATE KEY", nil, []byte("x")), "holds PEM of type EC PRIVATE KEY"},
		"OpenSSH":      {encode("OPENSSH PRIVATE KEY", nil, []byte("x")), "holds PEM of type OPENSSH PRIVATE KEY"},
		"too short":    {encode("RSA PRIVATE KEY", nil, x509.MarshalPKCS1PrivateKey(short)), "has a key of 1024 bits; an app's has at least 2048"},
		"encrypted":    {encode("ENCRYPTED PRIVATE KEY", nil, []byte("x")), "openssl rsa"},
		"encrypted, old": {encode("RSA PRIVATE KEY", map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, []byte("x")),
			"openssl rsa"},
		"not RSA": {pkcs8(t, elliptic), "ecdsa"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := githubapp.New(githubapp.Options{AppID: 1, PrivateKey: c.text})
			require.ErrorContains(t, err, "Options.PrivateKey")
			require.ErrorContains(t, err, c.says)
			_, body, _ := strings.Cut(string(c.text), "-----\n") // the lines around it are no secret
			body, _, _ = strings.Cut(body, "-----END")
			require.Empty(t, testutil.Leak(err.Error(), body))

			file := filepath.Join(t.TempDir(), "app.pem")
			require.NoError(t, os.WriteFile(file, c.text, 0o600))
			_, err = githubapp.New(githubapp.Options{AppID: 1, KeyFile: file})
			require.ErrorContains(t, err, "Options.KeyFile: "+file)
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err = githubapp.New(githubapp.Options{AppID: 1, Signers: []crypto.Signer{testutil.RSAKey(t, 0), elliptic}})
	require.ErrorContains(t, err, "Options.Signers[1]")
	for _, missing := range []crypto.Signer{nil, (*rsa.PrivateKey)(nil)} {
		_, err = githubapp.New(githubapp.Options{AppID: 1, Signers: []crypto.Signer{missing}})
		require.ErrorContains(t, err, "Options.Signers[0] is nil")
	}
}

// remoteSigner signs as a KMS does: elsewhere, counted, and in its own time.
type remoteSigner struct {
	*rsa.PrivateKey
	signatures atomic.Int64
	sign       func(digest []byte) ([]byte, error) // nil: as it should
}

func (s *remoteSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.signatures.Add(1)
	if s.sign != nil {
		return s.sign(digest)
	}
	return s.PrivateKey.Sign(random, digest, opts)
}

func TestOneSignatureServesEveryInstallation(t *testing.T) {
	g := newGitHub(t, nil)
	signer := &remoteSigner{PrivateKey: testutil.RSAKey(t, 0)}
	app := g.app(t, func(o *githubapp.Options) { o.PrivateKey, o.Signers = nil, []crypto.Signer{signer} })
	var callers sync.WaitGroup
	for n := range 50 {
		callers.Go(func() { _, _, _ = app.Installation(int64(1 + n)).Token(t.Context()) })
	}
	callers.Wait()
	require.Len(t, g.attempts(), 50)
	require.EqualValues(t, 1, signer.signatures.Load())
}

func TestTheNextKeyIsTriedWhenOneIsRefusedAndKeptWhenAccepted(t *testing.T) {
	g := newGitHub(t, nil)
	old, current := &remoteSigner{PrivateKey: testutil.RSAKey(t, 1)}, &remoteSigner{PrivateKey: testutil.RSAKey(t, 0)}
	app := g.app(t, func(o *githubapp.Options) { o.PrivateKey, o.Signers = nil, []crypto.Signer{old, current} })
	g.mint(t, app.Installation(installationID))
	require.Len(t, g.attempts(), 2)
	g.mint(t, app.Installation(installationID, contentsRead))
	require.Len(t, g.attempts(), 3, "the accepted key is kept")

	g.RotateKeys(appID, &testutil.RSAKey(t, 1).PublicKey)
	g.mint(t, app.Installation(installationID, issuesRead))
	require.Len(t, g.attempts(), 5, "and left when it is refused later")
	require.EqualValues(t, 1, current.signatures.Load())
}

func TestAHerdGetsItsTokensThroughAWrongClockAndRefusedKeys(t *testing.T) {
	g := newGitHub(t, &githubapptest.Options{ClockOffset: -time.Hour})
	signers := []crypto.Signer{testutil.RSAKey(t, 1), testutil.RSAKey(t, 2), testutil.RSAKey(t, 0)}
	const installations = 100
	for n := range installations {
		g.AddInstallation(githubapptest.Installation{ID: int64(1000 + n), AppID: appID, Account: fmt.Sprint("org", n)})
	}
	app := g.app(t, func(o *githubapp.Options) { o.PrivateKey, o.Signers = nil, signers })
	var callers sync.WaitGroup
	for n := range installations {
		callers.Go(func() {
			_, _, err := app.Installation(int64(1000 + n)).Token(t.Context())
			require.NoError(t, err)
		})
	}
	callers.Wait()
	require.LessOrEqual(t, g.Signatures(), 5, "one for each key, and for the clock")
	require.Equal(t, installations, g.Mints())
}

func TestWhenEveryKeyIsRefusedTheirFingerprintsAreNamed(t *testing.T) {
	g := newGitHub(t, nil)
	g.RotateKeys(appID, &testutil.RSAKey(t, 2).PublicKey)
	app := g.app(t, func(o *githubapp.Options) {
		o.PrivateKey, o.Signers = nil, []crypto.Signer{testutil.RSAKey(t, 0), testutil.RSAKey(t, 1)}
	})
	err := g.tokenError(t, app.Installation(installationID))
	require.Equal(t, tokenprovider.CodeUnauthenticated, err.Code)
	require.Regexp(t, `refused: SHA256:[A-Za-z0-9+/]{43}=, SHA256:[A-Za-z0-9+/]{43}=$`, err.Error())
	require.Len(t, g.attempts(), 2, "each key is tried once")
}

func TestAKeyFileIsReadAgainWhenItsKeyIsRefused(t *testing.T) {
	g := newGitHub(t, nil)
	file := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(file, testutil.RSAKeyPEM(t, 0), 0o600))
	app := g.app(t, func(o *githubapp.Options) { o.PrivateKey, o.KeyFile = nil, file })
	g.mint(t, app.Installation(installationID))

	require.NoError(t, os.WriteFile(file, testutil.RSAKeyPEM(t, 1), 0o600))
	g.RotateKeys(appID, &testutil.RSAKey(t, 1).PublicKey)
	g.mint(t, app.Installation(installationID, contentsRead)) // that same call goes on with the new key
	require.Len(t, g.attempts(), 3)

	require.NoError(t, os.Remove(file))
	g.mint(t, app.Installation(installationID, issuesRead)) // the file matters only when a key is refused
	g.RotateKeys(appID, &testutil.RSAKey(t, 2).PublicKey)
	err := g.tokenError(t, app.Installation(installationID, githubapp.Scope{Repositories: []string{"widgets"}}))
	require.Equal(t, tokenprovider.CodeUnauthenticated, err.Code)
	require.ErrorContains(t, err, file)
}

func TestAKeyFileThatIsBrokenWhileItIsReplacedHelpsOnceItIsWhole(t *testing.T) {
	pem := [][]byte{testutil.RSAKeyPEM(t, 0), testutil.RSAKeyPEM(t, 1)}
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		file := filepath.Join(t.TempDir(), "app.pem")
		require.NoError(t, os.WriteFile(file, pem[0], 0o600))
		i := g.app(t, func(o *githubapp.Options) { o.PrivateKey, o.KeyFile = nil, file }).Installation(installationID)
		first, expiresAt := g.mint(t, i)

		g.RotateKeys(appID, &testutil.RSAKey(t, 1).PublicKey)
		require.NoError(t, os.WriteFile(file, pem[1][:700], 0o600))
		time.Sleep(time.Until(expiresAt) - 5*time.Minute)
		held, _ := g.mint(t, i)
		require.Equal(t, first, held)
		require.Contains(t, i.Status().LastError, file+" holds no whole PEM block")
		require.Len(t, g.attempts(), 2)

		require.NoError(t, os.WriteFile(file, pem[1], 0o600))
		time.Sleep(31 * time.Second)
		next, _ := g.mint(t, i)
		require.NotEqual(t, first, next)
	})
}

func TestAKeyFileThatIsNoFileIsRefusedAtOnce(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"a folder": dir, "a device": os.DevNull, "a pipe": newPipe(t, dir)} {
		_, err := githubapp.New(githubapp.Options{AppID: 1, KeyFile: path})
		require.ErrorContains(t, err, path+" is no regular file", name)
	}
}

func TestABrokenSignerIsAnErrorAndNeverAHang(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	for name, c := range map[string]struct {
		sign func([]byte) ([]byte, error)
		code tokenprovider.Code
		says string
	}{
		"fails":       {func([]byte) ([]byte, error) { return nil, errors.New("kms: throttled") }, tokenprovider.CodeUnavailable, "kms: throttled"},
		"panics":      {func([]byte) ([]byte, error) { panic("boom") }, tokenprovider.CodeInternal, "panicked"},
		"another key": {func(d []byte) ([]byte, error) { return testutil.RSAKey(t, 1).Sign(rand.Reader, d, crypto.SHA256) }, tokenprovider.CodeInternal, "PKCS1"},
		"PSS": {func(d []byte) ([]byte, error) {
			return rsa.SignPSS(rand.Reader, testutil.RSAKey(t, 0), crypto.SHA256, d, nil)
		}, tokenprovider.CodeInternal, "PKCS1"},
		"hangs": {func([]byte) ([]byte, error) { <-stuck; return nil, errors.New("late") }, tokenprovider.CodeUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, nil)
			signer := &remoteSigner{PrivateKey: testutil.RSAKey(t, 0), sign: c.sign}
			app := g.app(t, func(o *githubapp.Options) {
				o.PrivateKey, o.Signers, o.Cache.MintTimeout = nil, []crypto.Signer{signer}, 200*time.Millisecond
			})
			err := g.tokenError(t, app.Installation(installationID))
			require.Equal(t, c.code, err.Code, "%v", err)
			require.ErrorContains(t, err, c.says)
			require.Empty(t, g.attempts())
			require.EqualValues(t, 1, signer.signatures.Load())
		})
	}
}
