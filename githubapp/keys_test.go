package githubapp_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

func TestAKeyFileThatChangedMendsAllInstallationsWithinHalfAMinute(t *testing.T) {
	pem := [][]byte{testutil.RSAKeyPEM(t, 0), testutil.RSAKeyPEM(t, 1)}
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		file := filepath.Join(t.TempDir(), "app.pem")
		require.NoError(t, os.WriteFile(file, pem[0], 0o600))
		app := g.app(t, func(o *githubapp.Options) { o.PrivateKey, o.KeyFile = nil, file })
		g.RotateKeys(appID, &testutil.RSAKey(t, 1).PublicKey)
		scopes := []githubapp.Scope{{}, contentsRead, issuesRead}
		for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
			for _, s := range scopes {
				require.Equal(t, tokenprovider.CodeUnauthenticated, g.tokenError(t, app.Installation(installationID, s)).Code)
			}
		}
		require.NoError(t, os.WriteFile(file, pem[1], 0o600))
		time.Sleep(31 * time.Second)
		for _, s := range scopes {
			g.mint(t, app.Installation(installationID, s))
		}
	})
}

func TestABrokenSignerIsAnErrorAndNeverAHang(t *testing.T) {
	testutil.RSAKey(t, 1) // real time to make
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
		"hangs": {func([]byte) ([]byte, error) { time.Sleep(time.Hour); return nil, errors.New("late") }, tokenprovider.CodeUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGitHub(t, &githubapptest.Options{InMemory: true})
				signer := &remoteSigner{PrivateKey: testutil.RSAKey(t, 0), sign: c.sign}
				app := g.app(t, func(o *githubapp.Options) { o.PrivateKey, o.Signers = nil, []crypto.Signer{signer} })
				began := time.Now()
				err := g.tokenError(t, app.Installation(installationID))
				require.LessOrEqual(t, time.Since(began), mintTimeout)
				require.Equal(t, c.code, err.Code, "%v", err)
				require.ErrorContains(t, err, c.says)
				require.Empty(t, g.attempts())
				require.EqualValues(t, 1, signer.signatures.Load())
				time.Sleep(time.Hour) // for the signer to end
			})
		})
	}
}
