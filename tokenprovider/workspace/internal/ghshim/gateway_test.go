package ghshim_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/stretchr/testify/require"
)

// TestTheRealGhWorksThroughTheGateway has the bearer in a file, in gh's own
// configuration, and in the environment, behind the shim each time.
func TestTheRealGhWorksThroughTheGateway(t *testing.T) {
	t.Parallel()
	gh := testutil.NeedTool(t, "gh")
	f := workspacetest.NewUnwired(t, time.Hour)
	g := f.NewGateway(t)
	link := filepath.Join(t.TempDir(), "gh"+filepath.Ext(testutil.Command(t)))
	workspacetest.Link(t, testutil.Command(t), link)
	for name, opts := range map[string]gateway.MutatorOptions{
		"a file":            {BearerFile: filepath.Join(t.TempDir(), "bearer")},
		"its configuration": {ConfigFile: filepath.Join(t.TempDir(), "wiring", "gitconfig")},
		"the environment":   {},
	} {
		git := g.Workspace(t, opts)
		maps.Copy(git.Env, map[string]string{"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1"})
		if opts.BearerFile != "" {
			delete(git.Env, "GH_HOST") // which the shim knows by the gateway's name
		}
		git.Env["PATH"] = filepath.Dir(link) + string(os.PathListSeparator) + filepath.Dir(gh) +
			string(os.PathListSeparator) + git.Env["PATH"]
		s := &shim{Platform: f.Platform, env: git.Env, link: link}
		require.Equal(t, result{Stdout: "acme/widgets\n"}, s.gh(t, nil, "api", "repos/acme/widgets", "--jq", ".full_name"), name)

		clone := filepath.Join(t.TempDir(), "clone")
		git.Run(t, "", "clone", "--quiet", f.URL, clone)
		view := process(t.Context(), t, git.Env, "", "repo", "view", "--json", "name", "--jq", ".name")
		view.Path, view.Args[0], view.Dir = link, "gh", clone // gh finds the repository by its remote
		require.Equal(t, result{Stdout: "widgets\n"}, run(t, git.Env, view), name)

		r := s.gh(t, nil, "api", "--method", "PUT", "repos/acme/widgets/contents/a")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Stderr, "doesn't allow a call of the API to move a branch or tag", name)
	}
	require.Empty(t, f.Platform.Asked(), "no token is pulled")
}

func TestTheBearerIsForTheGatewayAlone(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	bearer := s.env["PROVISIONKIT_BEARER"]
	file := workspacetest.WithFile(t, s.env, 0o600)
	s.env["PROVISIONKIT_GATEWAY"] = "https://Gateway.example/"
	const enterprise = "GH_ENTERPRISE_TOKEN"
	for name, c := range map[string]struct {
		args       []string
		env        map[string]string
		host       []string
		enterprise []string
		cloud      []string
	}{
		"nothing else is named": {host: []string{"gateway.example"}, enterprise: []string{bearer}},
		"GH_HOST names it": {
			env: map[string]string{"GH_HOST": "gateway.example"}, host: []string{"gateway.example"}, enterprise: []string{bearer},
		},
		"GH_HOST in capitals": {
			env: map[string]string{"GH_HOST": "GATEWAY.example"}, host: []string{"GATEWAY.example"}, enterprise: []string{bearer},
		},
		"a token is set": {
			env: map[string]string{enterprise: "own"}, host: []string{"gateway.example"}, enterprise: []string{"own"},
		},
		"a token that was injected": {
			env:  map[string]string{enterprise: "ghs_dead", "GITHUB_ENTERPRISE_TOKEN": "ghs_dead", "GH_TOKEN": "ghs_dead"},
			host: []string{"gateway.example"}, enterprise: []string{bearer},
		},
		"github.com": {
			args: []string{"--hostname", "github.com"}, cloud: []string{firstToken},
		},
		"another host":  {args: []string{"--hostname=evil.example"}},
		"its own login": {args: []string{"auth", "login"}, host: []string{"gateway.example"}},
	} {
		args := c.args
		if len(args) == 0 || args[0] != "auth" {
			args = append([]string{"api", "user"}, args...)
		}
		g := s.gh(t, c.env, args...).Given(t)
		require.Equal(t, c.host, g.Values("GH_HOST"), name)
		require.Equal(t, c.enterprise, g.Values(enterprise), name)
		require.Equal(t, c.cloud, g.Values("GH_TOKEN"), name)
	}
	require.Contains(t, s.gh(t, nil, "auth", "setup-git").Stderr, "nothing to set up: git asks its own configuration")

	delete(s.env, "PROVISIONKIT_URL")
	require.Empty(t, s.gh(t, nil, "api", "user", "--hostname", "github.com").Given(t).Values("GH_TOKEN"))
	require.NoError(t, os.Remove(file))
	require.Contains(t, s.gh(t, nil, "api", "user").Stderr, "gh runs without a token: PROVISIONKIT_BEARER_FILE: ")
	require.Contains(t, s.gh(t, map[string]string{"PROVISIONKIT_ON_FAILURE": "quit"}, "api", "user").Failed(t), "gh isn't run")
	require.Contains(t, s.gh(t, map[string]string{"PROVISIONKIT_GATEWAY": "http://gateway.example"}, "api", "user").Failed(t),
		"PROVISIONKIT_GATEWAY is http to another machine")
	require.True(t, strings.HasPrefix(start(t, s.env, "", "token").Failed(t),
		"git-credential-provisionkit: PROVISIONKIT_URL isn't set: there is no token in this workspace"))
}
