package gateway_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/stretchr/testify/require"
)

// TestGHWorksThroughTheGateway needs an authority of its own for gh: on other
// systems than Linux the system alone says whom to trust.
//
// internal/newgh runs it with a newer gh.
func TestGHWorksThroughTheGateway(t *testing.T) {
	path := testutil.NeedTool(t, "gh")
	p := newPlatform(t, func(_ *platform, o *gateway.Options) { o.BaseURL = "https://" + hostname })
	p.reachAt(t, p.server.Listener.Addr().String())
	git := p.newGit(t, "ws-1")
	git.Env["GH_PROMPT_DISABLED"], git.Env["GH_NO_UPDATE_NOTIFIER"] = "1", "1"
	folder := filepath.Join(t.TempDir(), "widgets")
	try := func(dir string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Dir = dir
		for name, value := range git.Env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	gh := func(dir string, args ...string) string {
		t.Helper()
		out, err := try(dir, args...)
		require.NoError(t, err, "gh %v: %s", args, out)
		return out
	}
	require.Contains(t, gh("", "auth", "status"), "Logged in to "+hostname)
	require.Equal(t, "acme/widgets\n", gh("", "api", "repos/acme/widgets", "--jq", ".full_name"))
	gh("", "api", "graphql", "-f", "query={ viewer { login } }")
	require.Equal(t, 2, strings.Count(gh("", "api", "installation/repositories?per_page=1", "--paginate", "--jq", ".repositories[].full_name"), "\n"))
	gh("", "repo", "clone", "acme/widgets", folder)
	require.Contains(t, gh(folder, "repo", "view", "--json", "name"), "widgets", "the repository is that of the remote")
	clone := filepath.Join(t.TempDir(), "clone")
	git.Run(t, "", "clone", "--quiet", p.github.URL+"/acme/widgets.git", clone)
	require.Contains(t, gh(clone, "repo", "view", "--json", "name"), "widgets")

	out, err := try("", "api", "--method", "PUT", "repos/acme/widgets/contents/a")
	require.Error(t, err)
	require.Contains(t, out, "doesn't allow a call of the API to move a branch or tag")
	for _, r := range p.audited() {
		require.Equal(t, "ws-1", r.Principal.WorkspaceID)
	}
	p.requireClean(t)
}
