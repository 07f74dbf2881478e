package endtoend_test

import (
	"bytes"
	"maps"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// Each of them adds to git's configuration, and no plugin may override another.
func TestTheGatewayStandsBesidePullingInOneRegistry(t *testing.T) {
	t.Parallel()
	key, err := tokenhttp.NewWorkspaceKey(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	endpoint, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: key})
	require.NoError(t, err)
	helper, err := gitcredential.NewMutator(nil)
	require.NoError(t, err)
	github, err := forge.GitHub("")
	require.NoError(t, err)
	wiring, err := gateway.NewMutator("https://github.platform.example", github, gateway.MutatorOptions{Key: key})
	require.NoError(t, err)
	registry := provisionhook.NewRegistry(provisionhook.NoOverride("GIT_CONFIG_COUNT"))
	registry.Register(endpoint, helper, wiring)
	plan, err := registry.Plan(t.Context(), "ws-1", nil)
	require.NoError(t, err)

	git := testutil.NewGit(t)
	maps.Copy(git.Env, plan.Env)
	require.Contains(t, git.Run(t, "", "config", "--get-urlmatch", "credential.helper", "https://github.com"),
		gitcredential.DefaultCommand)
	require.Contains(t, git.Run(t, "", "config", "--get-all", "url.https://github.platform.example/.insteadOf"),
		"https://github.com/")
}
