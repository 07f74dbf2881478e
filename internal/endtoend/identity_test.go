package endtoend_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAWorkspaceReachesItsOwnRepositoryAndNoOther(t *testing.T) {
	t.Parallel()
	write := map[string]string{"contents": "write"}
	p := newPlatform(t, platformOptions{
		repositories: []string{"acme/alpha", "acme/beta"},
		scopes: map[string]githubapp.Scope{
			"ws-alpha": {Repositories: []string{"alpha"}, Permissions: write},
			"ws-beta":  {Repositories: []string{"beta"}, Permissions: write},
		},
	})
	alpha, beta := p.provision(t, "ws-alpha"), p.provision(t, "ws-beta")
	require.True(t, alpha.Env["GH_TOKEN"] != beta.Env["GH_TOKEN"])

	for own, w := range []*workspace{alpha, beta} {
		other := []*workspace{beta, alpha}[own]
		t.Run(w.id, func(t *testing.T) {
			dir := w.clone(t, own)
			w.commit(t, dir, "mine")
			w.must(t, dir, "push", "--quiet", "origin", "HEAD")

			o := w.remote(t, "", "ls-remote", p.gitURLs[1-own])
			require.Equal(t, 128, o.code)
			require.Contains(t, o.stderr, "not found")
			o = w.remote(t, dir, "push", p.gitURLs[1-own], "HEAD:refs/heads/intruder")
			require.Equal(t, 128, o.code)

			theirs := other.Env[tokenhttp.EnvURL]
			for _, url := range []string{theirs, strings.TrimSuffix(theirs, "/token") + "/github-installation-token"} {
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					status, body := w.request(t, method, url)
					require.Equal(t, http.StatusForbidden, status)
					require.JSONEq(t, `{"error":"forbidden","code":"forbidden"}`, body)
				}
			}

			mine := w.Env[tokenhttp.EnvURL]
			w.Env[tokenhttp.EnvURL] = theirs
			o = w.token(t)
			w.Env[tokenhttp.EnvURL] = mine
			require.Equal(t, 1, o.code)
			require.Empty(t, o.stdout)
			require.Len(t, o.complaints(), 1, o.stderr)
			require.Contains(t, o.complaints()[0], "403")

			require.Len(t, p.audited(func(r tokenhttp.AuditRecord) bool {
				return r.Code == tokenprovider.CodeForbidden && r.Principal.WorkspaceID == w.id && r.RequestedID == other.id && r.TokenSHA256 == ""
			}), 5)
		})
	}

	// What the fake saw: each token at its own repository only.
	for _, r := range p.requests(func(r githubapptest.Request) bool { return withToken(r) && r.Status == http.StatusOK }) {
		own := map[bool]*workspace{true: alpha, false: beta}[strings.HasPrefix(r.Path, "/acme/alpha.git/")]
		require.Equal(t, tokenprovider.TokenSHA256(own.Env["GH_TOKEN"]), r.TokenSHA256, r.Path)
	}
	require.Len(t, p.requests(refused), 4)
}

func TestAWorkspaceWithoutAGoodBearerGetsNoTokenAndLearnsWhy(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, platformOptions{})
	stranger, err := tokenhttp.NewWorkspaceKey(bytes.Repeat([]byte("k"), 32))
	require.NoError(t, err)
	wrong, err := stranger.Issue("ws-1", time.Hour)
	require.NoError(t, err)
	expired, err := p.key.Issue("ws-1", time.Second)
	require.NoError(t, err)
	expiry := time.Now().Add(time.Second)
	eventually(t, func() bool { return time.Now().After(expiry) }, "the end of the bearer's life")

	for name, bad := range map[string]struct{ bearer, complaint string }{
		"wrong":     {wrong, "doesn't accept the workspace's bearer"},
		"malformed": {"sesame", "doesn't accept the workspace's bearer"},
		"expired":   {expired, "the workspace's bearer expired at "},
	} {
		t.Run(name, func(t *testing.T) {
			w := p.provision(t, "ws-1")
			w.Env[tokenhttp.EnvBearer] = bad.bearer
			audited := len(p.audited(unauthenticated))

			o := w.token(t)
			require.Equal(t, 1, o.code)
			require.Empty(t, o.stdout)
			require.Len(t, o.complaints(), 1, o.stderr)
			require.Contains(t, o.complaints()[0], bad.complaint)

			o = w.remote(t, "", "ls-remote", p.gitURLs[0])
			require.Equal(t, 128, o.code)
			require.Len(t, o.complaints(), 1, o.stderr)
			require.Contains(t, o.complaints()[0], bad.complaint)
			require.Greater(t, len(p.audited(unauthenticated)), audited)
		})
	}
	require.Empty(t, p.audited(issuedToken))
	require.Empty(t, p.requests(withToken), "the token in the environment is no way out either")
}

func unauthenticated(r tokenhttp.AuditRecord) bool {
	return r.Code == tokenprovider.CodeUnauthenticated && r.Principal == tokenhttp.Principal{}
}

func TestAWorkspaceGoesOnWithTheBearerThatThePlatformWritesAnew(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bearer")
	p := newPlatform(t, platformOptions{bearerFile: file, bearerTTL: 2 * time.Second})
	provisioned := time.Now()
	w := p.provision(t, "ws-1")
	require.NotContains(t, w.Env, tokenhttp.EnvBearer)
	require.Equal(t, file, w.Env[tokenhttp.EnvBearerFile])
	eventually(t, func() bool { return time.Since(provisioned) > 3*time.Second }, "the end of the first bearer's life")
	require.Contains(t, w.token(t).stderr, "the workspace's bearer expired at")

	bearer, err := p.key.Issue("ws-1", time.Hour)
	require.NoError(t, err)
	p.printed.Secret(bearer)
	require.NoError(t, os.WriteFile(file, []byte(bearer), 0o600))
	w.clone(t, 0)
}
