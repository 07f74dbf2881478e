package githubapp_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// An app that is configured by its environment alone, and a platform that also
// runs without one.
func Example_environment() {
	environment := fakeEnvironment() // elsewhere: os.Getenv
	defer environment.close()

	opts, err := githubapp.OptionsFromEnv(environment.get)
	if tokenprovider.CodeOf(err) == tokenprovider.CodeNotConfigured {
		return // no variable of an app is set: go on without one
	}
	if err != nil {
		log.Fatal(err) // it names the variable that is missing or malformed
	}
	installationID, err := githubapp.InstallationIDFromEnv(environment.get)
	if err != nil {
		log.Fatal(err)
	}
	app, err := githubapp.New(opts)
	if err != nil {
		log.Fatal(err)
	}

	// At boot: a wrong key, a wrong id and a permission that is missing show
	// here and not at the first push.
	installation := app.Installation(installationID)
	if err := installation.Require(context.Background(), map[string]string{"contents": "write"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(installation.Status().State)
	// Output: fresh
}

// environmentOf is what an operator sets.
type environmentOf struct {
	github    *githubapptest.Server
	dir       string
	variables map[string]string
}

func fakeEnvironment() environmentOf {
	github, opts, installationID := fake()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	file := filepath.Join(dir, "app.pem")
	if err := os.WriteFile(file, opts.PrivateKey, 0o600); err != nil {
		log.Fatal(err)
	}
	return environmentOf{github, dir, map[string]string{
		"GITHUB_APP_ID":               strconv.FormatInt(opts.AppID, 10),
		"GITHUB_APP_PRIVATE_KEY_FILE": file,
		"GITHUB_APP_INSTALLATION_ID":  strconv.FormatInt(installationID, 10),
		"GITHUB_API_URL":              github.URL,
	}}
}

func (e environmentOf) get(name string) string { return e.variables[name] }

func (e environmentOf) close() {
	e.github.Close()
	_ = os.RemoveAll(e.dir)
}
