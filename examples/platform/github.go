package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// findGitHub returns where the App is configured: the environment when
// GITHUB_APP_ID and its companions are set, and otherwise that of a fake
// GitHub, which runs until stop is called. A platform of your own has
// [os.Getenv] alone.
func findGitHub(log *slog.Logger) (getenv func(string) string, stop func(), err error) {
	if _, err := githubapp.OptionsFromEnv(os.Getenv); !errors.Is(err, tokenprovider.ErrNotConfigured) {
		log.Info("GitHub is the real one, of the App in the environment")
		return os.Getenv, func() {}, nil
	}
	log.Info("GitHub is a fake one, because no GITHUB_APP_ID is set")
	fake, err := githubapptest.NewServer(nil)
	if err != nil {
		return nil, nil, err
	}
	app, err := fake.SetUp("acme/widgets")
	if err != nil {
		fake.Close()
		return nil, nil, err
	}
	env := map[string]string{
		"GITHUB_APP_ID":              fmt.Sprint(app.AppID),
		"GITHUB_APP_INSTALLATION_ID": fmt.Sprint(app.InstallationID),
		"GITHUB_APP_PRIVATE_KEY":     string(app.PrivateKey()),
		"GITHUB_API_URL":             fake.URL,
	}
	return func(name string) string { return env[name] }, fake.Close, nil
}
