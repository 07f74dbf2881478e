package githubapptest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

// received is a delivery as a webhook gets it.
type received struct {
	header http.Header
	body   []byte
	json   map[string]any
}

// receiver is a webhook.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	all    []received
	status int
}

func newReceiver(t *testing.T) *receiver {
	c := &receiver{status: http.StatusNoContent}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		d := received{header: r.Header}
		d.body, _ = io.ReadAll(r.Body)
		_ = json.Unmarshal(d.body, &d.json)
		c.all = append(c.all, d)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(c.status)
	}))
	t.Cleanup(c.Close)
	return c
}

// take returns what was received since the last call.
func (c *receiver) take() []received {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}

func TestADeliveryHasGitHubsHeadersAndSignature(t *testing.T) {
	f, c := newFake(t, nil), newReceiver(t)
	f.SetWebhook(appID, githubapptest.Webhook{URL: c.URL, Secret: "It's a Secret to Everybody"})
	d, err := f.NewDelivery(githubapptest.Event{Name: "installation", Action: "suspend", InstallationID: installationID})
	require.NoError(t, err)
	status, err := f.Deliver(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, status)

	got := c.take()[0]
	mac := hmac.New(sha256.New, []byte("It's a Secret to Everybody"))
	mac.Write(got.body)
	require.Equal(t, "sha256="+hex.EncodeToString(mac.Sum(nil)), got.header.Get("X-Hub-Signature-256"))
	require.Equal(t, "installation", got.header.Get("X-GitHub-Event"))
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, got.header.Get("X-GitHub-Delivery"))
	require.Regexp(t, `^[0-9]+$`, got.header.Get("X-GitHub-Hook-ID"))
	require.Equal(t, "12", got.header.Get("X-GitHub-Hook-Installation-Target-ID"))
	require.Equal(t, "integration", got.header.Get("X-GitHub-Hook-Installation-Target-Type"))
	require.Regexp(t, `^GitHub-Hookshot/[0-9a-f]{7}$`, got.header.Get("User-Agent"))

	d.Body = []byte("Hello, World!") // the check value of GitHub's documentation
	d.Sign("It's a Secret to Everybody")
	require.Equal(t, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", d.Header.Get("X-Hub-Signature-256"))

	f.SetWebhook(appID, githubapptest.Webhook{URL: c.URL})
	d, err = f.NewDelivery(githubapptest.Event{Name: "ping", InstallationID: installationID})
	require.NoError(t, err)
	require.NotContains(t, d.Header, "X-Hub-Signature-256")
	require.Contains(t, string(d.Body), `"zen"`)
}

func TestWhatHappensToAnInstallationIsDelivered(t *testing.T) {
	f, c := newFake(t, nil), newReceiver(t)
	f.SetWebhook(appID, githubapptest.Webhook{URL: c.URL, Secret: "s"})
	add := func(permissions map[string]string, repositories ...string) func() {
		return func() {
			f.AddInstallation(githubapptest.Installation{ID: 9, AppID: appID, Account: account, Permissions: permissions, Repositories: repositories})
		}
	}
	contents := map[string]string{"contents": "read"}
	names := func(list any) (all []string) {
		for _, r := range list.([]any) {
			all = append(all, r.(map[string]any)["full_name"].(string))
		}
		return all
	}
	for _, step := range []struct {
		name   string
		do     func()
		events []string
		check  func(payload map[string]any)
	}{
		{"new", add(nil, "acme/one", "acme/two"), []string{"installation.created"}, func(p map[string]any) {
			require.Equal(t, []string{"acme/one", "acme/two"}, names(p["repositories"]))
			require.Contains(t, p, "requester")
		}},
		{"the same again", add(nil, "acme/one", "acme/two"), nil, nil},
		{"other permissions", add(contents, "acme/one", "acme/two"), []string{"installation.new_permissions_accepted"}, func(p map[string]any) {
			require.Equal(t, map[string]any{"contents": "read", "metadata": "read"}, p["installation"].(map[string]any)["permissions"])
		}},
		{"other repositories", add(contents, "acme/two", "acme/three"), []string{"installation_repositories.added", "installation_repositories.removed"},
			func(p map[string]any) {
				added, removed := names(p["repositories_added"]), names(p["repositories_removed"])
				if p["action"] == "added" {
					require.Equal(t, []string{"acme/three"}, added)
					require.Empty(t, removed)
				} else {
					require.Equal(t, []string{"acme/one"}, removed)
					require.Empty(t, added)
				}
			}},
		{"suspended", func() { f.Suspend(9, true) }, []string{"installation.suspend"}, func(p map[string]any) {
			require.NotNil(t, p["installation"].(map[string]any)["suspended_at"])
			require.NotContains(t, p, "repositories")
		}},
		{"suspended again", func() { f.Suspend(9, true) }, nil, nil},
		{"no longer suspended", func() { f.Suspend(9, false) }, []string{"installation.unsuspend"}, nil},
		{"suspended through the API", func() { f.do("PUT", "/app/installations/9/suspended", f.bearer(), "") }, []string{"installation.suspend"}, nil},
		{"removed", func() { f.Uninstall(9) }, []string{"installation.deleted"}, nil},
		{"removed again", func() { f.Uninstall(9) }, nil, nil},
		{"no webhook any more", func() {
			f.SetWebhook(appID, githubapptest.Webhook{})
			f.Suspend(installationID, true)
		}, nil, nil},
	} {
		step.do()
		var happened []string
		for _, d := range c.take() {
			happened = append(happened, d.header.Get("X-GitHub-Event")+"."+d.json["action"].(string))
			require.EqualValues(t, 9, d.json["installation"].(map[string]any)["id"], step.name)
			require.Equal(t, "octocat", d.json["sender"].(map[string]any)["login"], step.name)
			if step.check != nil {
				step.check(d.json)
			}
		}
		require.Equal(t, step.events, happened, step.name)
	}
	require.Len(t, f.Deliveries(), 8)
	require.Equal(t, http.StatusNoContent, f.Deliveries()[0].Status)
}

func TestTimesInADeliveryComeInBothForms(t *testing.T) {
	f, c := newFake(t, nil), newReceiver(t)
	event := githubapptest.Event{Name: "installation", Action: "deleted", InstallationID: installationID}
	for _, epoch := range []bool{false, true} {
		f.SetWebhook(appID, githubapptest.Webhook{URL: c.URL, EpochTimes: epoch})
		d, err := f.NewDelivery(event)
		require.NoError(t, err)
		_, err = f.Deliver(t.Context(), d)
		require.NoError(t, err)
		created := c.take()[0].json["installation"].(map[string]any)["created_at"]
		if epoch {
			require.IsType(t, 0.0, created)
		} else {
			require.Regexp(t, `^20\d\d-.*Z$`, created)
		}
	}
}

func TestARenamedAccountIsDeliveredWithLittleElse(t *testing.T) {
	f := newFake(t, nil)
	f.SetWebhook(appID, githubapptest.Webhook{URL: "http://127.0.0.1:1"})
	d, err := f.NewDelivery(githubapptest.Event{Name: "installation_target", Action: "renamed", InstallationID: installationID, OldLogin: "acme-old"})
	require.NoError(t, err)
	var payload map[string]any
	require.NoError(t, json.Unmarshal(d.Body, &payload))
	require.Len(t, payload["installation"], 2)
	require.Equal(t, account, payload["account"].(map[string]any)["login"])
	require.Equal(t, map[string]any{"login": map[string]any{"from": "acme-old"}}, payload["changes"])
	require.Equal(t, "Organization", payload["target_type"])
}

func TestADeliveryThatFailsIsRemembered(t *testing.T) {
	f, c := newFake(t, nil), newReceiver(t)
	f.SetWebhook(appID, githubapptest.Webhook{URL: c.URL})
	c.mu.Lock()
	c.status = http.StatusFound
	c.mu.Unlock()
	f.Suspend(installationID, true)
	require.Len(t, c.take(), 1, "a redirect is not followed")
	f.SetWebhook(appID, githubapptest.Webhook{URL: "http://127.0.0.1:1"})
	f.Suspend(installationID, false)
	got := f.Deliveries()
	require.Len(t, got, 2)
	require.Equal(t, http.StatusFound, got[0].Status)
	require.Equal(t, "unsuspend", got[1].Action)
	require.Error(t, got[1].Err)
}

func TestADeliveryGoesThroughTheWebhooksOwnClient(t *testing.T) {
	f := newFake(t, nil)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	f.SetWebhook(appID, githubapptest.Webhook{URL: secure.URL, Client: secure.Client()})
	f.Suspend(installationID, true)
	require.Equal(t, http.StatusNotFound, f.Deliveries()[0].Status)
	f.SetWebhook(appID, githubapptest.Webhook{URL: secure.URL})
	f.Suspend(installationID, false)
	require.ErrorContains(t, f.Deliveries()[1].Err, "certificate")
}

func TestADeliveryOfNothingIsRefused(t *testing.T) {
	f := newFake(t, nil)
	event := githubapptest.Event{Name: "installation", Action: "deleted", InstallationID: installationID}
	_, err := f.NewDelivery(event)
	require.ErrorContains(t, err, "has no webhook")
	f.SetWebhook(appID, githubapptest.Webhook{URL: "http://127.0.0.1:1"})
	for want, e := range map[string]githubapptest.Event{
		"no installation 1":     {Name: "installation", Action: "deleted", InstallationID: 1},
		"no event":              {Name: "installation", Action: "exploded", InstallationID: installationID},
		`repository "acme/one"`: {Name: "installation_repositories", Action: "added", InstallationID: installationID, Repositories: []string{"acme/one"}},
	} {
		_, err := f.NewDelivery(e)
		require.ErrorContains(t, err, want)
	}
}
