package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

const tokenLife = 2 * time.Second

// fake is a GitHub whose tokens live for two seconds, with an app that two
// organisations have installed.
type fake struct {
	server  *githubapptest.Server
	options githubapp.Options
}

func startFake() (*fake, error) {
	server, err := githubapptest.NewServer(&githubapptest.Options{TokenLife: tokenLife})
	if err != nil {
		return nil, err
	}
	setup, err := server.SetUp("acme/widgets", "acme/gadgets")
	if err != nil {
		server.Close()
		return nil, err
	}
	server.AddInstallation(githubapptest.Installation{
		ID: setup.InstallationID + 1000, AppID: setup.AppID, Account: "globex",
		Repositories: []string{"globex/rockets"},
	})
	return &fake{server, githubapp.Options{AppID: setup.AppID, PrivateKey: setup.PrivateKey(), BaseURL: server.URL}}, nil
}

// report says what the clients got for their requests.
func (f *fake) report() {
	answered, refused := 0, 0
	for _, r := range f.server.Requests() {
		switch {
		case r.Path != "/installation/repositories":
		case r.Status == http.StatusOK:
			answered++
		default:
			refused++
		}
	}
	fmt.Printf("%d requests answered, %d refused, %d tokens, %d signatures\n", answered, refused,
		f.server.Mints(), f.server.Signatures())
}
