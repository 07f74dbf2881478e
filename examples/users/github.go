package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"golang.org/x/oauth2"
)

// accessTokenLife is 8 hours at the real GitHub.
const accessTokenLife = 6 * time.Second

// gitHub is a fake one, with a GitHub App that is installed on acme's repository
// and somebody who may write there. Of the real one the addresses differ: people
// sign in as endpoints.GitHub of golang.org/x/oauth2 says.
type gitHub struct {
	*githubapptest.Server
	app    *githubapptest.Setup
	byHand bool
}

func startGitHub(byHand bool) (*gitHub, error) {
	server, err := githubapptest.NewServer(&githubapptest.Options{TLS: true})
	if err != nil {
		return nil, err
	}
	app, err := server.SetUp("acme/widgets")
	if err != nil {
		server.Close()
		return nil, err
	}
	server.AddInstallation(githubapptest.Installation{
		ID: app.InstallationID, AppID: app.AppID, Account: "acme", Repositories: []string{"acme/widgets"},
		Permissions: map[string]string{"contents": "write", "pull_requests": "write"},
	})
	server.AddUser(githubapptest.User{
		Login: "alice", Name: "Alice", Access: map[string]string{"acme/widgets": "write"},
	})
	server.SetUserTokenLife(accessTokenLife)
	return &gitHub{server, app, byHand}, nil
}

func (g *gitHub) Name() string     { return "the fake GitHub" }
func (g *gitHub) GitURL() string   { return g.app.GitURLs[0] }
func (g *gitHub) Username() string { return "x-access-token" }

// Config needs no client secret: the device flow goes without, and so do
// refreshes of what it brought.
func (g *gitHub) Config() *oauth2.Config {
	return &oauth2.Config{ClientID: g.app.ClientID, Endpoint: oauth2.Endpoint{
		DeviceAuthURL: g.URL + "/login/device/code",
		TokenURL:      g.URL + "/login/oauth/access_token",
		AuthStyle:     oauth2.AuthStyleInParams, // to try another would be a poll too soon
	}}
}

func (g *gitHub) Approve(device *oauth2.DeviceAuthResponse) {
	if !g.byHand {
		_ = g.Server.Approve(device.UserCode, "alice") // who reads the code, and enters it
	}
}

func (g *gitHub) Person(ctx context.Context, client *http.Client) (person, error) {
	var user struct {
		ID          int64
		Login, Name string
	}
	err := call(ctx, client, "GET", g.URL+"/user", nil, &user)
	return person{
		user.Login, cmp.Or(user.Name, user.Login), fmt.Sprintf("%d+%s@users.noreply.github.com", user.ID, user.Login),
	}, err
}

func (g *gitHub) Propose(ctx context.Context, client *http.Client, branch, title string) (proposal, error) {
	var opened struct {
		Page string `json:"html_url"`
		User struct{ Login string }
	}
	err := call(ctx, client, "POST", g.URL+"/repos/acme/widgets/pulls",
		map[string]string{"title": title, "head": branch, "base": "main"}, &opened)
	return proposal{opened.Page, opened.User.Login}, err
}
