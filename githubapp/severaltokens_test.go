package githubapp_test

import (
	"context"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// wanted is the key in ctx of the repository that a token is wanted for.
type wanted struct{}

// byRepository is a policy that chooses by what the token is wanted for.
func byRepository(ctx context.Context, _ string) (int64, githubapp.Scope, error) {
	if ctx.Value(wanted{}) == "globex/x" {
		return 43, contentsRead, nil
	}
	return installationID, contentsRead, nil
}

// alternating is a platform whose workspaces have tokens of two installations.
type alternating struct {
	*platform
	app *githubapp.App
	m   *githubapp.WorkspaceMutator
}

func onAlternating(t *testing.T, f func(t *testing.T, p alternating)) {
	t.Helper()
	onPlatform(t, func(t *testing.T, p *platform) {
		p.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "globex", Repositories: []string{"globex/x"}})
		app := p.app(t)
		f(t, alternating{p, app, newWorkspaceMutator(t, app, byRepository, nil)})
	})
}

// ask asks for the workspace's token of acme, or of globex.
func (p alternating) ask(t testing.TB, repository string) (string, error) {
	t.Helper()
	token, _, err := p.m.WorkspaceToken(context.WithValue(t.Context(), wanted{}, repository), "a")
	p.output.Secret(token)
	return token, err
}

// both returns the token of acme, after which that of globex was asked for.
func (p alternating) both(t testing.TB) string {
	t.Helper()
	acme, err := p.ask(t, "acme/widgets")
	require.NoError(t, err)
	_, err = p.ask(t, "globex/x")
	require.NoError(t, err)
	return acme
}

func TestAReportOfOneOfAWorkspacesTokensIsHeeded(t *testing.T) {
	onAlternating(t, func(t *testing.T, p alternating) {
		acme := p.both(t)
		time.Sleep(time.Minute)
		require.True(t, p.m.Invalidate(acme))
		require.NotEqual(t, acme, p.both(t))
		p.requireDead(t, acme)
	})
}

func TestOneOfAWorkspacesTokensThatIsRevokedIsDropped(t *testing.T) {
	onAlternating(t, func(t *testing.T, p alternating) {
		acme := p.both(t)
		require.NoError(t, p.app.Revoke(t.Context(), acme))
		require.NotEqual(t, acme, p.both(t))
	})
}

func TestOneOfAWorkspacesTokensDiesWithItsInstallation(t *testing.T) {
	onAlternating(t, func(t *testing.T, p alternating) {
		p.both(t)
		h := receiver(t, p.app)
		p.Suspend(installationID, true)
		deliver(h, delivery("installation", `{"action":"suspend","installation":{"id":42}}`))
		_, err := p.ask(t, "acme/widgets")
		require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
		_, err = p.ask(t, "globex/x")
		require.NoError(t, err)
	})
}

func TestAWebhookEndsTheBackOffOfOneOfAWorkspacesTokens(t *testing.T) {
	onAlternating(t, func(t *testing.T, p alternating) {
		h := receiver(t, p.app)
		p.Suspend(installationID, true)
		for began := time.Now(); time.Since(began) < 40*time.Minute; time.Sleep(10 * time.Second) {
			_, err := p.ask(t, "acme/widgets")
			require.Error(t, err)
			_, err = p.ask(t, "globex/x")
			require.NoError(t, err)
		}
		s := p.m.Status()
		require.Equal(t, []int{1, 2}, []int{s.Failing, s.Of})
		p.Suspend(installationID, false)
		deliver(h, delivery("installation", `{"action":"unsuspend","installation":{"id":42}}`))
		p.both(t)
	})
}

func TestAReleaseEndsAllTokensOfAWorkspace(t *testing.T) {
	onAlternating(t, func(t *testing.T, p alternating) {
		require.NoError(t, p.m.MutateEnv(t.Context(), "a", map[string]string{}))
		acme := p.both(t)
		globex, err := p.ask(t, "globex/x")
		require.NoError(t, err)
		require.Equal(t, 2, p.m.Status().Of)
		require.NoError(t, p.m.ReleaseWorkspace(t.Context(), "a"))
		p.requireDead(t, acme, globex)
		require.Zero(t, p.m.Status().Of)
		require.False(t, p.m.Invalidate(acme))
	})
}
