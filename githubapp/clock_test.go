package githubapp_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestAWrongClockIsCorrectedInOneRetry(t *testing.T) {
	for name, c := range map[string]struct {
		offset   time.Duration // of GitHub's clock to ours
		attempts int
	}{
		"right":                    {0, 1},
		"ours is a little fast":    {-50 * time.Second, 1},
		"ours is a little slow":    {8 * time.Minute, 1},
		"ours is fast":             {-10 * time.Minute, 2},
		"ours is slow":             {10 * time.Minute, 2},
		"ours is fast by two days": {-48 * time.Hour, 2},
		"ours is slow by two days": {48 * time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(t, &githubapptest.Options{ClockOffset: c.offset})
			app := g.app(t)
			token, expiresAt := g.mint(t, app.Installation(installationID))
			require.Len(t, g.attempts(), c.attempts)
			left := time.Until(expiresAt)
			require.LessOrEqual(t, left, time.Hour, "by our own clock, and never too late")
			require.Greater(t, left, time.Hour-time.Minute-3*time.Second, "GitHub takes a JWT from a clock a minute off")
			require.Equal(t, http.StatusOK, g.status(t, token, "/installation/repositories"))

			g.mint(t, app.Installation(installationID, contentsRead))
			require.Len(t, g.attempts(), c.attempts+1, "the skew is remembered")
		})
	}
}

func TestAClockThatCannotBeLearntIsAnErrorAfterOneTry(t *testing.T) {
	g := newGitHub(t, &githubapptest.Options{ClockOffset: -time.Hour})
	g.Fail(githubapptest.Rule{Fault: githubapptest.NoDate})
	err := g.tokenError(t, g.app(t).Installation(installationID))
	require.Equal(t, tokenprovider.CodeUnauthenticated, err.Code)
	require.ErrorContains(t, err, "NTP")
	require.Len(t, g.attempts(), 1)
}

func TestAClockThatIsRefusedAfterCorrectionIsAnErrorAfterTwoTries(t *testing.T) {
	g := newGitHub(t, &githubapptest.Options{ClockOffset: -time.Hour})
	g.Fail(githubapptest.Rule{Fault: githubapptest.ClockFast})
	err := g.tokenError(t, g.app(t).Installation(installationID))
	require.Equal(t, tokenprovider.CodeUnauthenticated, err.Code)
	require.Len(t, g.attempts(), 2)
}

func TestTheDateOfAnAnswerThatSucceedsMovesNothing(t *testing.T) {
	for _, ahead := range []time.Duration{90 * time.Second, 10 * time.Minute, -24 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			testutil.RSAKey(t, 0) // real time to make
			synctest.Test(t, func(t *testing.T) {
				g := newGitHub(t, &githubapptest.Options{InMemory: true})
				g.Fail(githubapptest.Rule{Fault: githubapptest.DateOffset(ahead)}) // a proxy's
				i := g.app(t).Installation(installationID)
				_, expiresAt := g.mint(t, i)
				require.Equal(t, time.Hour, time.Until(expiresAt).Round(time.Second))
				for began := time.Now(); time.Since(began) < 4*time.Hour; time.Sleep(time.Minute) {
					g.mint(t, i)
				}
				require.Len(t, g.attempts(), g.Mints(), "each JWT was good")
			})
		})
	}
}

func TestASkewThatExplainsNothingIsGivenUp(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		g := newGitHub(t, &githubapptest.Options{InMemory: true})
		proxys := githubapptest.DateOffset(time.Hour)
		g.Fail(githubapptest.Rule{Times: 1, Fault: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			proxys(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { githubapptest.ClockSlow(w, r, nil) }))
		}})
		g.Fail(githubapptest.Rule{Fault: proxys})
		app := g.app(t)
		err := g.tokenError(t, app.Installation(installationID))
		require.Equal(t, tokenprovider.CodeUnauthenticated, err.Code)
		require.Len(t, g.attempts(), 2, "as is, and once by the Date")
		time.Sleep(31 * time.Second)
		g.mint(t, app.Installation(installationID, contentsRead))
		require.Len(t, g.attempts(), 3, "by our own clock")
	})
}
