package githubapp_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// appKey returns the key of the app of all examples: to make one takes its
// time.
var appKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// fake returns a GitHub for the examples, with an app that is installed on
// acme/widgets and acme/gadgets, and that app's Options.
func fake() (*githubapptest.Server, githubapp.Options, int64) {
	github, err := githubapptest.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	key, err := appKey()
	if err != nil {
		log.Fatal(err)
	}
	github.AddApp(githubapptest.App{ID: appID, Keys: []*rsa.PublicKey{&key.PublicKey}})
	github.AddInstallation(githubapptest.Installation{
		ID: installationID, AppID: appID, Account: "acme", Repositories: []string{"acme/widgets", "acme/gadgets"},
	})
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return github, githubapp.Options{AppID: appID, PrivateKey: pkcs1, BaseURL: github.URL}, installationID
}

func Example() {
	github, opts, installationID := fake() // elsewhere: githubapp.OptionsFromEnv(os.Getenv)
	defer github.Close()

	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	installation := app.Installation(installationID) // keep it
	token, expiresAt, err := installation.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token != "", time.Until(expiresAt).Round(time.Minute))
	// Output: true 1h0m0s
}

func ExampleOptionsFromEnv() {
	environment := map[string]string{"GITHUB_APP_ID": "12345"}
	_, err := githubapp.OptionsFromEnv(func(name string) string { return environment[name] })
	fmt.Println(err)

	_, err = githubapp.OptionsFromEnv(func(string) string { return "" })
	fmt.Println(errors.Is(err, tokenprovider.ErrNotConfigured))
	// Output:
	// githubapp: GITHUB_APP_ID is set but GITHUB_APP_PRIVATE_KEY_FILE (or GITHUB_APP_PRIVATE_KEY) isn't; set all that the GitHub App needs, or none
	// true
}

func ExampleNewMutator() {
	github, opts, installationID := fake()
	defer github.Close()
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}

	mutator := githubapp.NewMutator(app.Installation(installationID), nil) // registry.Register(mutator)
	env := map[string]string{}
	if err := mutator.MutateEnv(context.Background(), "workspace-1", env); err != nil {
		log.Fatal(err)
	}
	fmt.Println(mutator.Name(), len(env), env["GH_TOKEN"] == env["GITHUB_TOKEN"])
	// Output: github-app-auth 2 true
}

func ExampleNewWorkspaceMutator() {
	github, opts, installationID := fake()
	defer github.Close()
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}

	// The platform's own records say which repository a workspace is for.
	repositories := map[string]string{"workspace-1": "widgets", "workspace-2": "gadgets"}
	policy := func(_ context.Context, workspaceID string) (int64, githubapp.Scope, error) {
		repository, ok := repositories[workspaceID]
		if !ok {
			return 0, githubapp.Scope{}, &tokenprovider.Error{
				Code: tokenprovider.CodeForbidden, Err: errors.New("no such workspace"),
			}
		}
		return installationID, githubapp.Scope{
			Repositories: []string{repository},
			Permissions:  map[string]string{"contents": "write"},
		}, nil
	}
	mutator, err := githubapp.NewWorkspaceMutator(app, policy, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	one, two := map[string]string{}, map[string]string{}
	_ = mutator.MutateEnv(ctx, "workspace-1", one) // they start
	_ = mutator.MutateEnv(ctx, "workspace-2", two)
	_, _, err = mutator.WorkspaceToken(ctx, "workspace-3")
	fmt.Println(one["GH_TOKEN"] != two["GH_TOKEN"], err)
	fmt.Println(mutator.ReleaseWorkspace(ctx, "workspace-1")) // its token is dead now
	// Output:
	// true githubapp: policy for workspace "workspace-3": no such workspace
	// <nil>
}

func ExampleApp_FindInstallation() {
	github, opts, _ := fake()
	defer github.Close()
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	info, err := app.FindInstallation(ctx, "acme/widgets")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Account, info.AccountType, info.RepositorySelection)

	_, err = app.FindInstallation(ctx, "acme/unknown")
	fmt.Println(tokenprovider.CodeOf(err))
	if answer, ok := errors.AsType[*githubapp.APIError](err); ok {
		fmt.Println(answer.Status, answer.Message)
	}
	// Output:
	// acme Organization selected
	// not_found
	// 404 Not Found
}

func ExampleApp_Installations() {
	github, opts, _ := fake()
	defer github.Close()
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	for info, err := range app.Installations(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Account, info.Permissions["contents"])
	}
	// Output: acme write
}

func ExampleInstallation_Require() {
	github, opts, installationID := fake()
	defer github.Close()
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	err = app.Installation(installationID).Require(context.Background(), map[string]string{"contents": "read", "workflows": "write"})
	fmt.Println(tokenprovider.CodeOf(err))
	// Output: forbidden
}

func ExampleInstallation_Scoped() {
	github, opts, installationID := fake()
	defer github.Close()
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	readOnly := app.Installation(installationID).Scoped(githubapp.Scope{Permissions: map[string]string{"contents": "read"}})
	if _, _, err := readOnly.Token(context.Background()); err != nil {
		log.Fatal(err)
	}
	granted, _ := readOnly.Granted()
	fmt.Println(granted.Permissions["contents"])

	_, _, err = readOnly.Scoped(githubapp.Scope{Permissions: map[string]string{"contents": "write"}}).Token(context.Background())
	fmt.Println(tokenprovider.CodeOf(err))
	// Output:
	// read
	// invalid_request
}

func ExampleApp_Revoke() {
	github, opts, installationID := fake()
	defer github.Close()
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	token, _, err := app.Installation(installationID).Token(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(app.Revoke(ctx, token), app.Revoke(ctx, token)) // a dead one is no error
	// Output: <nil> <nil>
}

// A request to GitHub as the app itself, which this package doesn't make.
func ExampleApp_JWT() {
	github, opts, _ := fake()
	defer github.Close()
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: &tokenprovider.Transport{
		Provider: tokenprovider.Func(app.JWT),
		Hosts:    []string{github.URL[len("http://"):]},
	}}
	resp, err := client.Get(github.URL + "/app")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}
