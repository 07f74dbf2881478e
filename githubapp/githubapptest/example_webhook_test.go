package githubapptest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

// What a test does to an installation, the app's webhook is told before the
// call returns.
func ExampleServer_SetWebhook() {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("received:", r.Header.Get("X-GitHub-Event"))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()

	github, err := githubapptest.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()
	app, err := github.SetUp("acme/widgets") // needs git
	if err != nil {
		log.Fatal(err)
	}
	github.SetWebhook(app.AppID, githubapptest.Webhook{URL: receiver.URL, Secret: "of the app's settings"})
	github.Suspend(app.InstallationID, true)
	for _, d := range github.Deliveries() {
		fmt.Println(d.Event, d.Action, d.Status)
	}

	// Output:
	// received: installation
	// installation suspend 204
}

// A delivery can be sent again, late, in another order, or spoilt.
func ExampleServer_NewDelivery() {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("X-GitHub-Event"), r.Header.Get("X-Hub-Signature-256") != "")
	}))
	defer receiver.Close()

	github, err := githubapptest.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()
	app, err := github.SetUp("acme/widgets") // needs git
	if err != nil {
		log.Fatal(err)
	}
	github.SetWebhook(app.AppID, githubapptest.Webhook{URL: receiver.URL, Secret: "of the app's settings"})
	delivery, err := github.NewDelivery(githubapptest.Event{
		Name: "installation_repositories", Action: "removed", InstallationID: app.InstallationID, Repositories: []string{"acme/widgets"},
	})
	if err != nil {
		log.Fatal(err)
	}
	delivery.Sign("another secret") // which a webhook must refuse
	for range 2 {
		status, err := github.Deliver(context.Background(), delivery)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("answer:", status)
	}

	// Output:
	// installation_repositories true
	// answer: 200
	// installation_repositories true
	// answer: 200
}
