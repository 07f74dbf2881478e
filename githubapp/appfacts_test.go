package githubapp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestWhatIsTrueOfTheAppIsAskedOnceForAllInstallations(t *testing.T) {
	testutil.RSAKey(t, 1) // real time to make
	for name, c := range map[string]struct {
		breaks func(*github)
		code   tokenprovider.Code
		most   int // requests in an hour
	}{
		"its key was deleted": {func(g *github) { g.RotateKeys(appID, &testutil.RSAKey(t, 1).PublicKey) }, tokenprovider.CodeUnauthenticated, 10},
		"it has no key":       {func(g *github) { g.RotateKeys(appID) }, tokenprovider.CodeUnauthenticated, 10},
		"it is unknown":       {func(g *github) { g.Fail(githubapptest.Rule{Fault: githubapptest.AppNotFound}) }, tokenprovider.CodeNotFound, 10},
		"it is locked out":    {func(g *github) { g.Fail(githubapptest.Rule{Fault: githubapptest.LoginAttempts}) }, tokenprovider.CodeRateLimited, 10},
		"GitHub is down":      {func(g *github) { g.Fail(githubapptest.Rule{Fault: githubapptest.HTML(503)}) }, tokenprovider.CodeUnavailable, 75},
		"the network is":      {func(g *github) { g.Fail(githubapptest.Rule{Fault: githubapptest.Reset}) }, tokenprovider.CodeUnavailable, 75},
		"the version ended": {func(g *github) { g.SunsetAPIVersion("2022-11-28", g.Now()) },
			tokenprovider.CodeInvalidRequest, 75},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGitHub(t, &githubapptest.Options{InMemory: true})
				app := g.app(t)
				c.breaks(g)
				for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
					for n := range 10 {
						_, _, err := app.Installation(int64(9000 + n)).Token(t.Context())
						require.Equal(t, c.code, tokenprovider.CodeOf(err), "%v", err)
						_, err = app.FindInstallation(t.Context(), fmt.Sprint("org-", n))
						require.Equal(t, c.code, tokenprovider.CodeOf(err), "%v", err)
					}
				}
				require.LessOrEqual(t, len(g.Requests()), c.most)
			})
		})
	}
}

func TestAnInstallationWhoseMintsBreakHoldsNoOtherBack(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		app := g.app(t)
		for n := range 60 {
			g.AddInstallation(githubapptest.Installation{ID: int64(1000 + n), AppID: appID, Account: fmt.Sprint("org", n)})
		}
		g.Fail(githubapptest.Rule{Path: "/app/installations/42/access_tokens", Fault: githubapptest.HTML(502)})
		for n := range 60 {
			_, _, err := app.Installation(installationID).Token(t.Context())
			require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
			g.mint(t, app.Installation(int64(1000+n)))
			time.Sleep(10 * time.Second)
		}
	})
}

func TestAnEndThatGitHubAnnouncesIsLoggedOnce(t *testing.T) {
	g := newGitHub(t, nil)
	g.SunsetAPIVersion("2022-11-28", time.Now().Add(time.Hour))
	app := g.app(t)
	g.mint(t, app.Installation(installationID))
	g.mint(t, app.Installation(installationID, contentsRead))
	require.Equal(t, 1, strings.Count(g.output.String(), "GitHub announces the end of what is used"))
	require.Contains(t, g.output.String(), `"api_version":"2022-11-28"`)
}

func TestARateLimitThatComesNearIsLoggedOnce(t *testing.T) {
	g := newGitHub(t, nil)
	g.SetRateLimit(10)
	app := g.app(t)
	for n := range 10 {
		g.AddInstallation(githubapptest.Installation{ID: int64(1000 + n), AppID: appID, Account: fmt.Sprint("org", n)})
		g.mint(t, app.Installation(int64(1000+n)))
	}
	require.Equal(t, 1, strings.Count(g.output.String(), "GitHub's rate limit comes near"))
}

func TestTheListOfInstallationsIsReadThroughAGateway(t *testing.T) {
	g := newGitHub(t, nil)
	for n := range 150 {
		g.AddInstallation(githubapptest.Installation{ID: int64(5000 + n), AppID: appID, Account: fmt.Sprint("org-", n)})
	}
	g.Fail(githubapptest.Rule{Fault: githubapptest.Edit(func(_ *http.Request, a *githubapptest.Answer) {
		if link := a.Header.Get("Link"); link != "" {
			a.Header.Set("Link", strings.ReplaceAll(link, g.URL, "https://ghe.inside.example/api/v3"))
		}
	})})
	n := 0
	for _, err := range g.app(t).Installations(t.Context()) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 151, n)
}
