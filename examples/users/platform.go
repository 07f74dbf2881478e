package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"golang.org/x/oauth2"
)

// owners says whose workspace is whose. Yours is in a database.
var owners = map[string]string{"ws-1": "owner-1", "ws-2": "owner-2"}

// ownerOf is what the endpoint asks, at each request.
func ownerOf(_ context.Context, id string) (tokenprovider.Workspace, error) {
	owner, ok := owners[id]
	if !ok {
		return tokenprovider.Workspace{}, tokenhttp.ErrForbidden
	}
	return tokenprovider.Workspace{ID: id, Owner: owner}, nil
}

// platform starts workspaces, signs their owners in, and serves each workspace
// its owner's token.
type platform struct {
	forge    forge
	host     string
	users    *oauth2token.Users
	registry *provisionhook.Registry
	server   *httptest.Server
	people   sync.Map // person by owner
}

func startPlatform(f forge, dir string) (*platform, error) {
	address, err := url.Parse(f.GitURL())
	if err != nil {
		return nil, err
	}
	p := &platform{forge: f, host: address.Host, registry: provisionhook.NewRegistry()}

	// The sign-ins: sealed with a key of the platform's, in a store that has to
	// be durable. This one isn't: use redisstore, or two operations on a
	// database of yours.
	sealKey, secret := make([]byte, 32), make([]byte, 32)
	_, _ = rand.Read(sealKey) // never fails
	_, _ = rand.Read(secret)
	p.users, err = oauth2token.NewUsers(f.Config(), tokenprovidertest.NewStore(), "users", oauth2token.Options{
		SealKeys: [][]byte{sealKey}, HTTPClient: f.Client(),
	})
	if err != nil {
		return nil, err
	}

	// The endpoint: a workspace's bearer gets its owner's token.
	key, err := tokenhttp.NewWorkspaceKey(secret)
	if err != nil {
		return nil, err
	}
	endpoint, err := tokenhttp.NewHandler(tokenhttp.PerWorkspace(p.registry), key, &tokenhttp.Options{
		Workspace: ownerOf, Hosts: []string{p.host}, Username: f.Username(),
	})
	if err != nil {
		return nil, err
	}
	p.server = httptest.NewServer(endpoint)

	// The plugins: where fresh tokens are, a git that asks for them, and who
	// commits.
	helper, err := local.LinkHelper(dir)
	if err != nil {
		return nil, err
	}
	whereToPull, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{BaseURL: p.server.URL, Key: key, TTL: time.Hour})
	if err != nil {
		return nil, err
	}
	git, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Hosts: []string{p.host}, Command: helper})
	if err != nil {
		return nil, err
	}
	p.registry.Register(p.users, whereToPull, git, identity{p})
	return p, nil
}

// signIn has a person sign in to the forge, and keeps what that brought under
// the name by which the platform knows them.
func (p *platform) signIn(ctx context.Context, owner string) (person, error) {
	config := p.forge.Config()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.forge.Client())
	device, err := config.DeviceAuth(ctx)
	if err != nil {
		return person{}, err
	}
	fmt.Printf("%s signs in at %s with the code %s\n", owner, device.VerificationURI, device.UserCode)
	p.forge.Approve(device)
	token, err := config.DeviceAccessToken(ctx, device) // asks until the person has answered
	if err != nil {
		return person{}, err
	}
	if err := p.users.User(owner).Set(ctx, token); err != nil {
		return person{}, err
	}
	who, err := p.forge.Person(ctx, p.clientOf(p.users.User(owner)))
	p.people.Store(owner, who)
	return who, err
}

// expiry returns when the owner's access token dies.
func (p *platform) expiry(owner string) time.Time {
	return p.users.User(owner).Status().ExpiresAt
}

// clientOf returns a client that sends provider's token to the forge.
func (p *platform) clientOf(provider tokenprovider.TokenProvider) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &tokenprovider.Transport{
		Provider: provider, Hosts: []string{p.host}, Base: p.forge.Client().Transport,
	}}
}

// identity is the plugin by which a workspace commits as its owner.
type identity struct{ *platform }

func (identity) Name() string { return "identity" }

func (i identity) MutateEnv(_ context.Context, id string, env map[string]string) error {
	if env == nil {
		return errors.New("the environment is nil")
	}
	if known, ok := i.people.Load(owners[id]); ok {
		who := known.(person)
		env["GIT_AUTHOR_NAME"], env["GIT_AUTHOR_EMAIL"] = who.name, who.email
		env["GIT_COMMITTER_NAME"], env["GIT_COMMITTER_EMAIL"] = who.name, who.email
	}
	return nil
}
