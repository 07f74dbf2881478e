package forge

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
)

var _ gateway.FileForge = (*github)(nil)

// Wire implements [gateway.Forge]. gh finds the gateway by GH_HOST and sends it
// GH_ENTERPRISE_TOKEN; octokit and actions find it by the GITHUB_ variables.
// What would lead gh past it goes: CODESPACES, under which gh sends GITHUB_TOKEN
// anywhere, and installation tokens, which the gateway is there to keep out.
func (g *github) Wire(env map[string]string, base *url.URL, bearer string) (insteadOf []string) {
	env["GH_HOST"] = base.Host
	if bearer != "" {
		env["GH_ENTERPRISE_TOKEN"] = bearer
	}
	env["GITHUB_SERVER_URL"] = base.String()
	env["GITHUB_API_URL"] = base.String() + apiPath
	env["GITHUB_GRAPHQL_URL"] = base.String() + graphQLPath
	delete(env, "CODESPACES")
	for _, name := range []string{"GH_TOKEN", "GITHUB_TOKEN"} {
		if strings.HasPrefix(env[name], "ghs_") {
			delete(env, name)
		}
	}
	host := g.git.Host
	return []string{
		g.git.Scheme + "://" + host + "/", "git@" + g.git.Hostname() + ":", "ssh://git@" + g.git.Hostname() + "/",
	}
}

// ghFolder is gh's own, below the folder that it shares with git's file.
const ghFolder = "gh"

// WireFiles implements [gateway.FileForge]: gh is logged in at the gateway's host.
// Both files are as gh 2.40 and later write them, which older ones read as well.
func (g *github) WireFiles(files map[string][]byte, folder string, base *url.URL, bearer string) {
	files[path.Join(folder, ghFolder, "config.yml")] = []byte("version: \"1\"\n")
	files[path.Join(folder, ghFolder, "hosts.yml")] = fmt.Appendf(nil,
		"%q:\n    oauth_token: %q\n    git_protocol: https\n    user: workspace\n"+
			"    users:\n        workspace:\n            oauth_token: %[2]q\n", base.Host, bearer)
}

// WireFolder implements [gateway.FileForge].
func (g *github) WireFolder(env map[string]string, folder string) {
	if env["GH_CONFIG_DIR"] == "" {
		env["GH_CONFIG_DIR"] = path.Join(folder, ghFolder)
	}
}
