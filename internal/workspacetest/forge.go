package workspacetest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

// Forge is a GitHub with one repository, a platform for it, and a git in a
// workspace of that platform.
type Forge struct {
	*testutil.Git
	GitHub   *githubapptest.Server
	Tokens   tokenprovider.TokenProvider // what the platform hands out
	Platform *Platform
	URL      string // of the repository
	Host     string // of that
	Helper   string // what git is configured with
	Dir      string // where to clone to
}

// NewForge wires git as the mutators do, after the configuration that env has
// already.
func NewForge(t testing.TB, life time.Duration, env map[string]string) *Forge {
	t.Helper()
	f := NewUnwired(t, life)
	folder := filepath.Join(t.TempDir(), "folder of the helper's")
	require.NoError(t, os.Mkdir(folder, 0o700))
	command := filepath.Join(folder, filepath.Base(testutil.Command(t)))
	Link(t, testutil.Command(t), command)

	maps.Copy(f.Env, f.Platform.Env(t, "ws-1"))
	maps.Copy(f.Env, env)
	mutator, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Hosts: []string{f.Host}, Command: command})
	require.NoError(t, err)
	require.NoError(t, mutator.MutateEnv(t.Context(), "ws-1", f.Env))
	f.Helper = f.Run(t, f.Dir, "config", "--get-urlmatch", "credential.helper", f.URL)
	return f
}

// NewUnwired returns a Forge whose git trusts GitHub and knows nothing of the
// platform.
func NewUnwired(t testing.TB, life time.Duration) *Forge {
	t.Helper()
	g := testutil.NewGit(t)
	github, err := githubapptest.NewServer(&githubapptest.Options{TLS: true, TokenLife: life})
	require.NoError(t, err)
	t.Cleanup(github.Close)
	const appID, installationID = 1001, 1002
	github.AddApp(githubapptest.App{ID: appID, Keys: []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey}})
	f := &Forge{Git: g, GitHub: github, Dir: t.TempDir()}
	f.URL, err = github.AddRepository("acme/widgets")
	require.NoError(t, err)
	github.AddInstallation(githubapptest.Installation{
		ID: installationID, AppID: appID, Account: "acme", Repositories: []string{"acme/widgets"},
	})
	app, err := githubapp.New(githubapp.Options{
		AppID: appID, PrivateKey: testutil.RSAKeyPEM(t, 0), BaseURL: github.URL,
		HTTPClient: github.Client(),
		Cache:      tokenprovider.CacheOptions{Settle: -1},
	})
	require.NoError(t, err)
	f.Tokens = app.Installation(installationID)
	f.Host, _, _ = strings.Cut(strings.TrimPrefix(f.URL, "https://"), "/")
	f.Platform = NewPlatform(t, f.Tokens, f.Host)
	g.Env["GIT_SSL_CAINFO"] = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(g.Env["GIT_SSL_CAINFO"], github.CertPEM(), 0o600))
	return f
}

// Trust lets git trust one more certificate.
func (f *Forge) Trust(t testing.TB, certificate *x509.Certificate) {
	t.Helper()
	more := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
	require.NoError(t,
		os.WriteFile(f.Env["GIT_SSL_CAINFO"], append(f.GitHub.CertPEM(), more...), 0o600))
}

// ForLives works on until that many more tokens were minted. The work begins at
// many moments of a token's life.
func (f *Forge) ForLives(lives int, work func()) {
	for before := f.GitHub.Mints(); f.GitHub.Mints() < before+lives; time.Sleep(300 * time.Millisecond) {
		work()
	}
}

// Push makes a commit in the clone and pushes it.
func (f *Forge) Push(t testing.TB, clone string) {
	t.Helper()
	f.Run(t, clone, "commit", "--quiet", "--allow-empty", "-m", "work")
	f.Run(t, clone, "push", "--quiet", "origin", "HEAD")
}
