package githubapp_test

import (
	"context"
	"fmt"
	"log"
	"maps"
	"net/url"
	"slices"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/provisionhook"
)

// A GitHub Enterprise Server: its API is below /api/v3, its certificate may be of a private authority, and gh takes the
// token for it from GH_ENTERPRISE_TOKEN and its name from GH_HOST.
func Example_enterpriseServer() {
	github, err := githubapptest.NewServer(&githubapptest.Options{TLS: true, TokenFormat: githubapptest.FormatClassic})
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()
	setup, err := github.SetUp("acme/widgets")
	if err != nil {
		log.Fatal(err)
	}

	app, err := githubapp.New(githubapp.Options{
		AppID:      setup.AppID,
		PrivateKey: setup.PrivateKey(),
		BaseURL:    github.URL + "/api/v3",
		HTTPClient: github.Client(), // trusts the server's certificate; leave it out for a public one
	})
	if err != nil {
		log.Fatal(err)
	}
	server, err := url.Parse(github.URL)
	if err != nil {
		log.Fatal(err)
	}

	registry := provisionhook.NewRegistry()
	registry.Register(
		githubapp.NewMutator(app.Installation(setup.InstallationID), &githubapp.MutatorOptions{
			EnvNames: []string{"GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"},
		}),
		provisionhook.Func("github-enterprise-host", func(_ context.Context, _ string, env map[string]string) error {
			env["GH_HOST"] = server.Host
			return nil
		}),
	)
	env := map[string]string{}
	if err := registry.Run(context.Background(), "ws-1", env); err != nil {
		log.Fatal(err)
	}
	fmt.Println(slices.Sorted(maps.Keys(env)))
	fmt.Println(github.Requests()[0].Path == fmt.Sprintf("/api/v3/app/installations/%d/access_tokens", setup.InstallationID))
	// Output:
	// [GH_ENTERPRISE_TOKEN GH_HOST GITHUB_ENTERPRISE_TOKEN]
	// true
}
