package githubapp_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// shortLived is a fake whose tokens live for two seconds, and an app that serves a new one at once.
func shortLived(t *testing.T) (*github, *githubapp.App) {
	g := newGitHub(t, &githubapptest.Options{TokenLife: 2 * time.Second})
	return g, g.app(t, func(o *githubapp.Options) { o.Cache.Settle = -1 })
}

// impatient is a ctx that wants more life than a token has left after half of it.
func impatient(t *testing.T) context.Context { return tokenprovider.WithMinTTL(t.Context(), time.Hour) }

func TestATokenIsReplacedBeforeItDies(t *testing.T) {
	t.Parallel()
	g, app := shortLived(t)
	i := app.Installation(installationID)
	first, _ := g.mint(t, i)
	require.Eventually(t, func() bool {
		token, expiresAt := g.mint(t, i)
		require.True(t, time.Now().Before(expiresAt))
		return token != first
	}, 5*time.Second, 20*time.Millisecond)
	require.Equal(t, http.StatusOK, g.status(t, first, "/installation/repositories"), "the old one was still alive")
	require.Equal(t, 1, g.Signatures())
}

func TestALiveTokenIsServedThroughAnOutage(t *testing.T) {
	t.Parallel()
	g, app := shortLived(t)
	i := app.Installation(installationID)
	first, expiresAt := g.mint(t, i)
	g.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.HTML(502)})
	require.Eventually(t, func() bool {
		token, _, err := i.Token(impatient(t))
		require.NoError(t, err)
		require.Equal(t, first, token)
		return i.Status().State == tokenprovider.StateDegraded
	}, time.Until(expiresAt), 20*time.Millisecond)
	require.Len(t, g.attempts(), 2)
}

func TestATokenKnownToBeDeadIsNotServedOn(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*github){
		"suspended": func(g *github) { g.Suspend(installationID, true) },
		"removed":   func(g *github) { g.Uninstall(installationID) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, app := shortLived(t)
			i, other := app.Installation(installationID), app.Installation(installationID, contentsRead)
			_, expiresAt := g.mint(t, i)
			g.mint(t, other)
			end(g)
			require.Eventually(t, func() bool {
				_, _, err := i.Token(impatient(t))
				return err != nil
			}, time.Until(expiresAt), 20*time.Millisecond, "the refresh learns of it while the token looks alive")
			require.Empty(t, other.Status().TokenSHA256, "so does every scope of the installation")
		})
	}
}
