package githubapp_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// shortLived runs f in a bubble with a fake whose tokens live for two seconds,
// and an app that serves a new one at once.
func shortLived(t *testing.T, f func(t *testing.T, g *github, app *githubapp.App)) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{TokenLife: 2 * time.Second, InMemory: true})
		f(t, g, g.app(t, func(o *githubapp.Options) { o.Cache.Settle = -1 }))
	})
}

// impatient returns a ctx that wants more life than a token has left after half
// of it.
func impatient(t *testing.T) context.Context { return tokenprovider.WithMinTTL(t.Context(), time.Hour) }

// until calls ok every 20 ms until it returns true, and fails t when that takes
// longer than limit.
func until(t *testing.T, limit time.Duration, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(20 * time.Millisecond) {
		require.Less(t, time.Since(began), limit)
	}
}

func TestATokenIsReplacedBeforeItDies(t *testing.T) {
	shortLived(t, func(t *testing.T, g *github, app *githubapp.App) {
		i := app.Installation(installationID)
		first, _ := g.mint(t, i)
		until(t, 5*time.Second, func() bool {
			token, expiresAt := g.mint(t, i)
			require.True(t, time.Now().Before(expiresAt))
			return token != first
		})
		require.Equal(t, http.StatusOK, g.status(t, first, "/installation/repositories"), "the old one was still alive")
		require.Equal(t, 1, g.Signatures())
	})
}

func TestALiveTokenIsServedThroughAnOutage(t *testing.T) {
	shortLived(t, func(t *testing.T, g *github, app *githubapp.App) {
		i := app.Installation(installationID)
		first, expiresAt := g.mint(t, i)
		g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.HTML(502)})
		until(t, time.Until(expiresAt), func() bool {
			token, _, err := i.Token(impatient(t))
			require.NoError(t, err)
			require.Equal(t, first, token)
			return i.Status().State == tokenprovider.StateDegraded
		})
		require.Len(t, g.attempts(), 2)
	})
}

func TestATokenKnownToBeDeadIsNotServedOn(t *testing.T) {
	for name, end := range map[string]func(*github){
		"suspended": func(g *github) { g.Suspend(installationID, true) },
		"removed":   func(g *github) { g.Uninstall(installationID) },
	} {
		t.Run(name, func(t *testing.T) {
			shortLived(t, func(t *testing.T, g *github, app *githubapp.App) {
				i, other := app.Installation(installationID), app.Installation(installationID, contentsRead)
				_, expiresAt := g.mint(t, i)
				g.mint(t, other)
				end(g)
				until(t, time.Until(expiresAt), func() bool { // the refresh learns of it while the token looks alive
					_, _, err := i.Token(impatient(t))
					return err != nil
				})
				require.Empty(t, other.Status().TokenSHA256, "so does every scope of the installation")
			})
		})
	}
}
