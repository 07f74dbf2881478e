package githubapp_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appID          = 7
	installationID = 42
)

// github is the fake with one app, whose key is testutil's first, and one
// installation of acme.
type github struct {
	*githubapptest.Server
	output *testutil.Capture // what is logged; a secret in it fails the test
}

func newGitHub(t testing.TB, opts *githubapptest.Options) *github {
	t.Helper()
	s, err := githubapptest.NewServer(opts)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	s.AddApp(githubapptest.App{
		ID: appID, ClientID: "Iv1.0123456789abcdef", Slug: "kit", Keys: []*rsa.PublicKey{&testutil.RSAKey(t, 0).PublicKey},
		Permissions: map[string]string{"contents": "write", "issues": "read"},
	})
	s.AddInstallation(githubapptest.Installation{
		ID: installationID, AppID: appID, Account: "acme", Repositories: []string{"acme/widgets", "acme/Gadgets"},
	})
	_, key, _ := bytes.Cut(testutil.RSAKeyPEM(t, 0), []byte("\n")) // the lines around it are no secret
	return &github{s, testutil.NewCapture(t, string(key[:1500]))}
}

// options returns those of the app, with no back-off worth waiting for.
func (g *github) options(t testing.TB) githubapp.Options {
	return githubapp.Options{
		AppID: appID, PrivateKey: testutil.RSAKeyPEM(t, 0), BaseURL: g.URL, HTTPClient: g.Client(), Logger: g.output.Logger(),
	}
}

func (g *github) app(t testing.TB, changes ...func(*githubapp.Options)) *githubapp.App {
	t.Helper()
	opts := g.options(t)
	for _, change := range changes {
		change(&opts)
	}
	app, err := githubapp.New(opts)
	require.NoError(t, err)
	return app
}

// mint gets a token that the server must take, and keeps an eye on it.
func (g *github) mint(t testing.TB, p tokenprovider.TokenProvider) (string, time.Time) {
	t.Helper()
	token, expiresAt, err := p.Token(t.Context())
	require.NoError(t, err)
	g.output.Secret(token)
	return token, expiresAt
}

// status returns what the server says to a request with that token.
func (g *github) status(t testing.TB, token, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "token "+token)
	resp, err := g.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

// attempts returns the requests to mint so far.
func (g *github) attempts() []githubapptest.Request {
	var mints []githubapptest.Request
	for _, r := range g.Requests() {
		if r.Method == http.MethodPost && r.InstallationID != 0 {
			mints = append(mints, r)
		}
	}
	return mints
}

// tokenError returns the error of p, which must give one that holds no secret.
func (g *github) tokenError(t testing.TB, p tokenprovider.TokenProvider) *tokenprovider.Error {
	t.Helper()
	token, expiresAt, err := p.Token(context.Background())
	require.Error(t, err)
	require.Empty(t, token)
	require.Zero(t, expiresAt)
	_, _ = g.output.Write([]byte(err.Error() + "\n"))
	e, ok := errors.AsType[*tokenprovider.Error](err)
	require.True(t, ok, "%T is no *tokenprovider.Error", err)
	return e
}

// answer returns that to a mint of a token for just these repositories.
func answer(t testing.TB, repositories []any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"token": "ghs_0123456789abcdefghijklmnopqrstuvwxyz", "expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		"repository_selection": "selected", "repositories": repositories,
	})
	require.NoError(t, err)
	return string(text)
}
