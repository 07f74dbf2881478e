package oauth2token_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// platform acts as the owners of its workspaces, who are called as these are.
type platform struct {
	forge *gitForge
	users *oauth2token.Users
	reg   *provisionhook.Registry
	key   *tokenhttp.WorkspaceKey
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	p := &platform{forge: newGitForge(t), reg: provisionhook.NewRegistry()}
	opts := p.forge.options()
	opts.HTTPClient = &http.Client{Transport: p.forge.server.Client().Transport}
	var err error
	p.users, err = oauth2token.NewUsers(configFor(p.forge.server.URL+"/oauth/token"), tokenprovidertest.NewStore(), "forge", opts)
	require.NoError(t, err)
	p.reg.Register(p.users)
	p.key, err = tokenhttp.NewWorkspaceKey([]byte("a key for tests, of no less than 32 bytes"))
	require.NoError(t, err)
	return p
}

func owner(_ context.Context, id string) (tokenprovider.Workspace, error) {
	return tokenprovider.Workspace{ID: id, Owner: id}, nil
}

// endpoint serves tokens, and returns git in a workspace that pulls them.
func (p *platform) endpoint(t *testing.T, workspace func(context.Context, string) (tokenprovider.Workspace, error)) func(id string) *testutil.Git {
	t.Helper()
	handler, err := tokenhttp.NewHandler(tokenhttp.PerWorkspace(p.reg), p.key, &tokenhttp.Options{
		Workspace: workspace, Hosts: []string{p.forge.base.Host}, Username: "oauth2", Logger: p.forge.secrets.Logger(),
	})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	wiring, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Hosts: []string{p.forge.base.Host}, Command: testutil.Command(t)})
	require.NoError(t, err)
	bearer, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{BaseURL: server.URL, Key: p.key, TTL: time.Hour})
	require.NoError(t, err)
	return func(id string) *testutil.Git {
		git := testutil.NewGit(t)
		git.Env["GIT_SSL_CAINFO"] = p.forge.ca
		git.Env["PROVISIONKIT_RETRY"] = "0"
		require.NoError(t, wiring.MutateEnv(t.Context(), id, git.Env))
		require.NoError(t, bearer.MutateEnv(t.Context(), id, git.Env))
		return git
	}
}

func TestGitWorksAsTheOwnerThroughTheEndpoint(t *testing.T) {
	p := newPlatform(t)
	workspace := p.endpoint(t, owner)
	for _, person := range []string{"ann", "bob"} {
		require.NoError(t, p.users.User(person).Set(t.Context(), p.forge.signIn(person)))
		p.forge.pushes(t, workspace(person), "by-"+person)
		require.Equal(t, map[string]bool{person: true}, p.forge.seen())
	}
	token, _, err := p.users.User("ann").Token(t.Context())
	require.NoError(t, err)
	require.True(t, p.users.Invalidate(token))
	p.forge.pushes(t, workspace("ann"), "after-a-refresh")
	require.Empty(t, p.forge.person(token), "the forge revoked the old one")
}

func TestAWorkspaceIsToldThatItsOwnerHasToSignIn(t *testing.T) {
	p := newPlatform(t)
	git := p.endpoint(t, owner)("eve")
	_, stderr, err := git.Try(t, "", "ls-remote", p.forge.base.String()+"/team/tools.git")
	require.Error(t, err)
	require.Contains(t, stderr, "where the platform acts as you, sign in to it (again)")
	git.Env["PROVISIONKIT_HOSTS"] = p.forge.base.Host
	request := fmt.Sprintf("protocol=https\nhost=%s\n\n", p.forge.base.Host)
	require.Contains(t, workspacetest.Call(t, git.Env, request, "get").Failed(t), tokenprovider.CodeUnauthenticated.Message())

	doctor := workspacetest.Call(t, git.Env, "", "doctor")
	require.Contains(t, doctor.Stdout, tokenprovider.CodeUnauthenticated.Message())

	require.NoError(t, p.users.User("eve").Set(t.Context(), p.forge.signIn("eve")))
	git.Run(t, "", "ls-remote", p.forge.base.String()+"/team/tools.git")
	require.Equal(t, map[string]bool{"eve": true}, p.forge.seen())

	git = p.endpoint(t, nil)("eve")
	_, stderr, err = git.Try(t, "", "ls-remote", p.forge.base.String()+"/team/tools.git")
	require.Error(t, err)
	require.Contains(t, stderr, tokenprovider.CodeInternal.Message())
	require.Contains(t, p.forge.secrets.String(), "set Options.Workspace of the endpoint or the gateway")
}

func TestGitWorksAsTheOwnerThroughTheGateway(t *testing.T) {
	p := newPlatform(t)
	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	transport := p.forge.server.Client().Transport.(*http.Transport).Clone()
	transport.DisableCompression = true
	t.Cleanup(transport.CloseIdleConnections)
	gw, err := gateway.New(gateway.Options{
		BaseURL: "https://127.0.0.1:" + port, Forge: p.forge, Auth: p.key, Workspace: owner, Transport: transport,
		Admit: func(context.Context, tokenhttp.Principal) error { return nil },
		Policy: func(ctx context.Context, who tokenhttp.Principal, _ gateway.Operation) (gateway.Grant, error) {
			source, err := tokenhttp.PerWorkspace(p.reg)(ctx, who)
			return gateway.Grant{Provider: source}, err
		},
		Logger: p.forge.secrets.Logger(),
	})
	require.NoError(t, err)
	server.Config.Handler = gw
	server.StartTLS()
	t.Cleanup(server.Close)
	mutator, err := gw.Mutator(gateway.MutatorOptions{Key: p.key})
	require.NoError(t, err)
	git := testutil.NewGit(t)
	git.Env["GIT_SSL_CAINFO"] = testutil.CertificateFile(t, server)
	require.NoError(t, mutator.MutateEnv(t.Context(), "ann", git.Env))

	_, stderr, err := git.Try(t, "", "ls-remote", p.forge.base.String()+"/team/tools.git")
	require.Error(t, err)
	require.Contains(t, stderr, "where the platform acts as you, sign in to it (again)")
	brought := p.forge.signIn("ann")
	require.NoError(t, p.users.User("ann").Set(t.Context(), brought))
	p.forge.pushes(t, git, "by-ann")
	require.Equal(t, map[string]bool{"ann": true}, p.forge.seen())

	// The forge revokes the access token: git notices nothing.
	p.forge.mu.Lock()
	delete(p.forge.people, brought.AccessToken)
	p.forge.mu.Unlock()
	git.Run(t, "", "ls-remote", p.forge.base.String()+"/team/tools.git")
	exchanges, _ := p.forge.counts()
	require.Equal(t, 1, exchanges)
	for _, value := range git.Env {
		require.NotContains(t, value, "glat-")
	}
	_, err = os.Stat(git.Home + "/.git-credentials")
	require.ErrorIs(t, err, os.ErrNotExist)
}
