package githubapp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

// newHooked returns a fake whose deliveries the app's webhook handler gets over
// HTTP, and that app's installation.
func newHooked(t *testing.T, change func(*githubapptest.Webhook)) (*github, *githubapp.App, *githubapp.Installation) {
	g := newGitHub(t, nil)
	app := g.app(t)
	server := httptest.NewServer(receiver(t, app))
	t.Cleanup(server.Close)
	hook := githubapptest.Webhook{URL: server.URL, Secret: webhookSecret}
	if change != nil {
		change(&hook)
	}
	g.SetWebhook(appID, hook)
	return g, app, app.Installation(installationID)
}

func TestWhatHappensOnGitHubReachesTheTokensThroughTheWebhook(t *testing.T) {
	permissions := map[string]string{"contents": "read"}
	for name, c := range map[string]struct {
		happens func(*github)
		whole   bool // the token of the whole installation is dropped
		narrow  bool // that of one repository is
	}{
		"suspended": {func(g *github) { g.Suspend(installationID, true) }, true, true},
		"removed":   {func(g *github) { g.Uninstall(installationID) }, true, true},
		"new permissions": {func(g *github) {
			g.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme",
				Repositories: []string{"acme/widgets", "acme/Gadgets"}, Permissions: permissions})
		}, true, true},
		"that repository removed": {func(g *github) {
			g.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme", Repositories: []string{"acme/Gadgets"}})
		}, false, true},
		"another repository removed": {func(g *github) {
			g.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme", Repositories: []string{"acme/widgets"}})
		}, false, false},
		"a repository added": {func(g *github) {
			g.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: "acme",
				Repositories: []string{"acme/widgets", "acme/Gadgets", "acme/new"}})
		}, false, false},
		"another installation": {func(g *github) { g.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "other"}) }, false, false},
	} {
		for form, epoch := range map[string]bool{"times as text": false, "times as numbers": true} {
			t.Run(name+", "+form, func(t *testing.T) {
				g, app, whole := newHooked(t, func(h *githubapptest.Webhook) { h.EpochTimes = epoch })
				narrow := app.Installation(installationID, githubapp.Scope{Repositories: []string{"widgets"}})
				g.mint(t, whole)
				g.mint(t, narrow)
				c.happens(g)
				require.NotEmpty(t, g.Deliveries())
				for _, d := range g.Deliveries() {
					require.Equal(t, http.StatusNoContent, d.Status)
				}
				require.Equal(t, c.whole, whole.Status().TokenSHA256 == "", "the token of the whole installation")
				require.Equal(t, c.narrow, narrow.Status().TokenSHA256 == "", "the token of one repository")
			})
		}
	}
}

func TestDeliveriesThatComeAgainOrInAnotherOrderDoNoHarm(t *testing.T) {
	g, _, i := newHooked(t, nil)
	var deliveries []*githubapptest.Delivery
	for _, e := range []githubapptest.Event{
		{Name: "installation", Action: "unsuspend"}, {Name: "installation", Action: "suspend"}, {Name: "installation", Action: "created"},
		{Name: "installation_repositories", Action: "added", Repositories: []string{"acme/widgets"}},
		{Name: "installation_target", Action: "renamed", OldLogin: "old"}, {Name: "ping"},
	} {
		e.InstallationID = installationID
		d, err := g.NewDelivery(e)
		require.NoError(t, err)
		deliveries = append(deliveries, d, d)
	}
	for n, d := range deliveries {
		status, err := g.Deliver(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, []int{http.StatusNoContent, http.StatusAccepted}[n%2], status)
		token, _ := g.mint(t, i)
		require.Equal(t, http.StatusOK, g.status(t, token, "/installation/repositories"))
	}
	require.LessOrEqual(t, g.Mints(), 2, "one at first, and one after the suspend")
}

func TestADeliveryWithAWrongSignatureDropsNothing(t *testing.T) {
	g, _, i := newHooked(t, nil)
	token, _ := g.mint(t, i)
	event := githubapptest.Event{Name: "installation", Action: "deleted", InstallationID: installationID}
	for name, spoil := range map[string]func(*githubapptest.Delivery){
		"another secret": func(d *githubapptest.Delivery) { d.Sign("guessed") },
		"another body":   func(d *githubapptest.Delivery) { d.Body = append(d.Body, '\n') },
		"no signature":   func(d *githubapptest.Delivery) { d.Header.Del("X-Hub-Signature-256") },
	} {
		d, err := g.NewDelivery(event)
		require.NoError(t, err)
		spoil(d)
		status, err := g.Deliver(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, status, name)
	}
	again, _ := g.mint(t, i)
	require.Equal(t, token, again)
}
