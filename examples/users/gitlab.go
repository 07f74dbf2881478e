package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// gitLab is one of 17.1 or later, with an application that people sign in to.
// Its client is public ("Confidential" is off), so there is no secret.
type gitLab struct {
	address, clientID, project string
}

func newGitLab(address, clientID, project string) (*gitLab, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "":
		return nil, errors.New("GITLAB_URL is no address like https://gitlab.com")
	case clientID == "":
		return nil, errors.New("GITLAB_CLIENT_ID is empty: the ID of an application with the scopes api and write_repository")
	case !strings.Contains(project, "/"):
		return nil, errors.New("name the project that gets a branch and a merge request: group/project")
	}
	return &gitLab{strings.TrimSuffix(address, "/"), clientID, strings.Trim(project, "/")}, nil
}

func (g *gitLab) Name() string         { return g.address }
func (g *gitLab) Client() *http.Client { return http.DefaultClient }
func (g *gitLab) CertPEM() []byte      { return nil }
func (g *gitLab) GitURL() string       { return g.address + "/" + g.project + ".git" }
func (g *gitLab) Username() string     { return "oauth2" }

func (g *gitLab) Config() *oauth2.Config {
	return &oauth2.Config{ClientID: g.clientID, Scopes: []string{"api", "write_repository"}, Endpoint: oauth2.Endpoint{
		DeviceAuthURL: g.address + "/oauth/authorize_device",
		TokenURL:      g.address + "/oauth/token",
		AuthStyle:     oauth2.AuthStyleInParams,
	}}
}

// Approve leaves it to the person in their browser.
func (g *gitLab) Approve(*oauth2.DeviceAuthResponse) {}

func (g *gitLab) Person(ctx context.Context, client *http.Client) (person, error) {
	var user struct {
		Username, Name, Email string
		CommitEmail           string `json:"commit_email"`
	}
	err := call(ctx, client, "GET", g.address+"/api/v4/user", nil, &user)
	return person{user.Username, cmp.Or(user.Name, user.Username), cmp.Or(user.CommitEmail, user.Email)}, err
}

func (g *gitLab) Propose(ctx context.Context, client *http.Client, branch, title string) (proposal, error) {
	project := g.address + "/api/v4/projects/" + url.PathEscape(g.project)
	var found struct {
		Branch string `json:"default_branch"`
	}
	if err := call(ctx, client, "GET", project, nil, &found); err != nil {
		return proposal{}, err
	}
	var opened struct {
		Page   string `json:"web_url"`
		Author struct{ Username string }
	}
	err := call(ctx, client, "POST", project+"/merge_requests",
		map[string]string{"title": title, "source_branch": branch, "target_branch": found.Branch}, &opened)
	return proposal{opened.Page, opened.Author.Username}, err
}
