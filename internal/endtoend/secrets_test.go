package endtoend_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// The platform of each of these tests fails it when a secret is printed. Here
// everybody has a reason to print something.
func TestNothingPrintedAndNoFileHoldsASecret(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, platformOptions{})
	w := p.provision(t, "ws-1")
	token, _ := p.held(t)
	mintedAt := p.all.Status().MintedAt
	dir := w.clone(t, 0)
	w.commit(t, dir, "work goes on")
	w.must(t, dir, "push", "origin", "HEAD")

	secrets := []string{token, w.Env[tokenhttp.EnvBearer]}
	for _, root := range []string{w.Home, w.Env["TMPDIR"], dir} {
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Empty(t, testutil.Leak(string(content), secrets...), path)
			return nil
		}))
	}

	w.Env["PROVISIONKIT_RETRY"] = "0"
	fails := func(o outcome) { require.NotZero(t, o.code, o.stderr) }
	eventually(t, func() bool { return time.Since(mintedAt) > settle }, "the token's ripeness")
	p.github.RefuseToken(token)
	p.github.Fail(githubapptest.Rule{Path: "/app/installations/*/access_tokens", Fault: githubapptest.Suspended})
	fails(w.remote(t, dir, "fetch"))
	fails(w.remote(t, dir, "fetch"))
	fails(w.token(t))
	w.Env[tokenhttp.EnvURL] = p.endpoint.URL + "/workspaces/ws-2/token"
	fails(w.token(t))
	w.Env[tokenhttp.EnvBearer] += "x"
	fails(w.token(t))
	p.endpoint.Close()
	fails(w.remote(t, dir, "fetch"))

	for _, said := range []string{
		"plan: ", "HEAD -> main", "Authentication failed", // git
		`"msg":"token invalidated"`, `"msg":"[github] token refresh failed"`, "This installation has been suspended", // the platform
		"Code:forbidden", "Code:unauthenticated", // the audit
		"500 Internal Server Error", "403 Forbidden", "401 Unauthorized", "connection refused", // the command
	} {
		require.Contains(t, p.printed.String(), said)
	}
	p.printed.RequireClean(t)
}
