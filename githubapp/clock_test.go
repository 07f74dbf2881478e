package githubapp_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
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
			require.WithinDuration(t, time.Now().Add(time.Hour), expiresAt, 3*time.Second, "by our own clock")
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
