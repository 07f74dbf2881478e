package octokit

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newGateway starts a gateway before github, and returns it and the file of its
// certificate.
func newGateway(t *testing.T, github *githubapptest.Server, key *tokenhttp.WorkspaceKey) (g *gateway.Gateway, ca string) {
	t.Helper()
	setup, err := github.SetUp("acme/widgets", "acme/gadgets")
	require.NoError(t, err)
	propose(t, github, setup, "agent/fix")
	app, err := githubapp.New(githubapp.Options{
		ClientID: setup.ClientID, PrivateKey: setup.PrivateKey(), BaseURL: github.URL, HTTPClient: github.Client(),
	})
	require.NoError(t, err)
	hub, err := forge.GitHub(github.URL + "/api/v3")
	require.NoError(t, err)
	allow, err := gateway.AllowRefs("refs/heads/agent/*")
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	t.Cleanup(server.Close)
	g, err = gateway.New(gateway.Options{
		BaseURL: server.URL, Forge: hub, Auth: key, Transport: github.Client().Transport,
		Admit: func(context.Context, tokenhttp.Principal) error { return nil },
		Policy: func(_ context.Context, _ tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: app.Installation(setup.InstallationID)}, allow(op)
		},
	})
	require.NoError(t, err)
	server.Config.Handler = g
	return g, testutil.CertificateFile(t, server)
}

func TestOctokitWorksThroughTheGateway(t *testing.T) {
	node := testutil.NeedTool(t, "node")
	require.DirExists(t, "node_modules", "run .ci/setup")
	github, err := githubapptest.NewServer(&githubapptest.Options{TLS: true})
	require.NoError(t, err)
	t.Cleanup(github.Close)
	key, err := tokenhttp.NewWorkspaceKey([]byte("a key for tests, of no less than 32 bytes"))
	require.NoError(t, err)
	g, ca := newGateway(t, github, key)
	m, err := g.Mutator(gateway.MutatorOptions{Key: key})
	require.NoError(t, err)
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "NODE_EXTRA_CA_CERTS": ca}
	require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))

	cmd := exec.CommandContext(t.Context(), node, filepath.Join("testdata", "workspace.mjs"))
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	output, err := cmd.Output()
	require.NoError(t, err, said.String())
	require.JSONEq(t, `{
		"read": "acme/widgets", "paged": ["acme/widgets", "acme/gadgets"], "written": 1,
		"viewer": "app-1001[bot]", "asked": "acme/widgets",
		"refusal": {"name": "HttpError", "status": 403, "message": "the policy of this workspace doesn't allow a call of the API to move a branch or tag; refs that git may push: refs/heads/agent/* - https://pkg.go.dev/github.com/molecule-ai/provisionkit/tokenprovider/gateway"}
	}`, string(output))
}
