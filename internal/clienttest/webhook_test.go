package clienttest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-github/v92/github"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

// Each delivery is signed as go-github verifies it, parses as the event it is, and is as GitHub describes it.
func TestDeliveriesAreAsGitHubDescribesThem(t *testing.T) {
	f := newFake(t, nil)
	d := f.witness.description
	const secret = "It's a Secret to Everybody"
	var (
		kind    string
		payload []byte
		invalid error
	)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind = github.WebHookType(r)
		payload, invalid = github.ValidatePayload(r, []byte(secret))
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(receiver.Close)

	seen := map[string]bool{}
	for _, epochTimes := range []bool{false, true} {
		f.SetWebhook(appID, githubapptest.Webhook{
			URL: receiver.URL, Secret: secret, Client: receiver.Client(), EpochTimes: epochTimes,
		})
		for _, e := range []githubapptest.Event{
			{Name: "ping"},
			{Name: "installation", Action: "created"}, {Name: "installation", Action: "deleted"},
			{Name: "installation", Action: "suspend"}, {Name: "installation", Action: "unsuspend"},
			{Name: "installation", Action: "new_permissions_accepted"},
			{Name: "installation_repositories", Action: "added", Repositories: []string{"acme/one"}},
			{Name: "installation_repositories", Action: "removed", Repositories: []string{"acme/one"}},
			{Name: "installation_target", Action: "renamed", OldLogin: "old"},
		} {
			e.InstallationID = acme
			delivery, err := f.NewDelivery(e)
			require.NoError(t, err)
			status, err := f.Deliver(t.Context(), delivery)
			require.NoError(t, err)
			require.Equal(t, http.StatusNoContent, status)
			require.NoError(t, invalid)
			require.Equal(t, e.Name, kind)
			name := strings.ReplaceAll(e.Name+"-"+e.Action, "_", "-")
			requireParsed(t, kind, payload)
			if e.Name != "ping" && !epochTimes { // numbers for times are GitHub's practice, not its description
				require.NoError(t, d.checkDelivery(name, payload), name)
			}
			seen[name] = true
		}
	}
	for name := range d.doc.Extensions["x-webhooks"].(map[string]any) {
		require.Contains(t, seen, name)
	}
}

// requireParsed has go-github read a delivery and looks at what it found.
func requireParsed(t *testing.T, kind string, payload []byte) {
	t.Helper()
	parsed, err := github.ParseWebHook(kind, payload)
	require.NoError(t, err)
	switch event := parsed.(type) {
	case *github.InstallationEvent:
		require.EqualValues(t, acme, event.GetInstallation().GetID())
		require.WithinDuration(t, time.Now(), event.GetInstallation().GetCreatedAt().Time, 10*time.Second)
	case *github.InstallationRepositoriesEvent:
		require.Equal(t, "acme/one", append(event.RepositoriesAdded, event.RepositoriesRemoved...)[0].GetFullName())
	case *github.InstallationTargetEvent:
		require.Equal(t, "old", event.GetChanges().GetLogin().GetFrom())
	case *github.PingEvent:
		require.NotEmpty(t, event.GetZen())
	default:
		t.Errorf("go-github takes it for a %T", event)
	}
}

func TestADeliveryThatGitHubWouldNotSendIsRefused(t *testing.T) {
	f := newFake(t, nil)
	f.SetWebhook(appID, githubapptest.Webhook{URL: "http://127.0.0.1:1/"})
	delivery, err := f.NewDelivery(githubapptest.Event{Name: "installation", Action: "created", InstallationID: acme})
	require.NoError(t, err)
	d := f.witness.description
	require.NoError(t, d.checkDelivery("installation-created", delivery.Body))
	require.ErrorContains(t, d.checkDelivery("installation-deleted", delivery.Body), "/action: value is not one of")
	for path, value := range map[string]any{"installation.id": "345", "installation.app_id": nil, "sender.login": nil} {
		changed := &githubapptest.Answer{Body: delivery.Body}
		edit(t, changed, path, value)
		require.Error(t, d.checkDelivery("installation-created", changed.Body), path)
	}
}

// checkDelivery tells what is wrong with the body of a delivery; name is that of the webhook, such as installation-created.
func (d *description) checkDelivery(name string, body []byte) error {
	text, err := json.Marshal(d.doc.Extensions["x-webhooks"].(map[string]any)[name])
	if err != nil {
		return err
	}
	var reference openapi3.SchemaRef
	if err := json.Unmarshal(text, &reference); err != nil {
		return err
	}
	return d.checkJSON(d.doc.Components.Schemas[strings.TrimPrefix(reference.Ref, "#/components/schemas/")].Value, body)
}
