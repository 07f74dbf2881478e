package githubapp_test

import (
	"context"
	"fmt"
	"log"
	"net/url"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// A GitHub Enterprise Server: its API is below /api/v3, and its certificate may
// be of a private authority. No token is injected: gh would give the one in
// GH_ENTERPRISE_TOKEN to any server that it is told to talk to. git and gh pull
// theirs, for that host alone. Without the shim of git-credential-provisionkit,
// name the variable in EnvNames.
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

	git, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Hosts: []string{server.Host}})
	if err != nil {
		log.Fatal(err)
	}
	registry := provisionhook.NewRegistry()
	registry.Register(
		githubapp.NewMutator(app.Installation(setup.InstallationID), &githubapp.MutatorOptions{
			EnvNames: []string{},
		}),
		git,
		provisionhook.Func("github-enterprise-host", func(_ context.Context, _ string, env map[string]string) error {
			env["GH_HOST"] = server.Host
			return nil
		}),
	)
	env := map[string]string{}
	if err := registry.Run(context.Background(), "ws-1", env); err != nil {
		log.Fatal(err)
	}
	fmt.Println(env["PROVISIONKIT_HOSTS"] == server.Host, env["GH_HOST"] == server.Host)

	if _, _, err := registry.FirstTokenProvider().Token(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(github.Requests()[0].Path == fmt.Sprintf("/api/v3/app/installations/%d/access_tokens", setup.InstallationID))
	// Output:
	// true true
	// true
}
