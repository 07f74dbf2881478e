package gateway_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// workspace returns git with what m writes: its variables, and its files.
func (p *platform) workspace(t *testing.T, m *gateway.Mutator, env map[string]string) (*testutil.Git, map[string][]byte) {
	t.Helper()
	git := testutil.NewGit(t)
	maps.Copy(git.Env, env)
	git.Env["GIT_SSL_CAINFO"] = p.ca
	require.NoError(t, m.MutateEnv(t.Context(), "ws-1", git.Env))
	files := map[string][]byte{}
	require.NoError(t, m.MutateFiles(t.Context(), "ws-1", files))
	for path, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
	return git, files
}

func TestGitFindsItsBearerInAFile(t *testing.T) {
	p := newPlatform(t, nil)
	file := filepath.Join(t.TempDir(), "bearer")
	m, err := p.Mutator(gateway.MutatorOptions{Key: p.key, BearerFile: file})
	require.NoError(t, err)
	git, files := p.workspace(t, m, nil)
	bearer := strings.TrimSpace(string(files[file]))
	for name, value := range git.Env {
		require.NotContains(t, value, bearer, name)
	}
	require.NotContains(t, git.Env, "GH_ENTERPRISE_TOKEN")
	others := filepath.Join(t.TempDir(), "others")
	git.Run(t, "", "config", "--global", "credential.helper", "!echo >>"+others)
	require.Contains(t, git.Run(t, "", "ls-remote", p.github.URL+"/acme/widgets.git"), "refs/heads/main")
	require.NoFileExists(t, others, "no other helper is asked, or told the bearer")

	var helper string
	for _, value := range git.Env {
		if strings.HasPrefix(value, "!f()") {
			helper = value
		}
	}
	require.Contains(t, git.Run(t, "", "-c", "alias.ask="+helper, "ask", "get"), "password="+bearer)
	stdout, _, _ := git.Try(t, "", "-c", "alias.ask="+helper, "ask", "capability")
	require.Empty(t, stdout)
}

func TestTheWiringIsAFileWhereNamesAreFiltered(t *testing.T) {
	p := newPlatform(t, nil)
	folder := t.TempDir()
	m, err := p.Mutator(gateway.MutatorOptions{Key: p.key, ConfigFile: filepath.Join(folder, "gitconfig")})
	require.NoError(t, err)
	git, files := p.workspace(t, m, map[string]string{"GIT_CONFIG_NOSYSTEM": "0"})
	maps.DeleteFunc(git.Env, func(name, _ string) bool {
		return strings.Contains(name, "KEY") || strings.Contains(name, "TOKEN") || strings.Contains(name, "SECRET")
	})
	require.Contains(t, git.Run(t, "", "ls-remote", p.github.URL+"/acme/widgets.git"), "refs/heads/main")
	require.Equal(t, filepath.Join(folder, "gh"), git.Env["GH_CONFIG_DIR"])
	require.Contains(t, string(files[filepath.Join(folder, "gh", "hosts.yml")]), "oauth_token: ")
}

func TestAWorkspaceIsWiredAndNoForgeTokenIsLeft(t *testing.T) {
	p := newPlatform(t, nil)
	m, err := p.Mutator(gateway.MutatorOptions{Key: p.key, TTL: time.Hour})
	require.NoError(t, err)
	require.Equal(t, "gateway", m.Name())
	env := map[string]string{
		"GH_TOKEN": "ghs_old", "GITHUB_TOKEN": "ghp_own", "CODESPACES": "true", "LANG": "C",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
	}
	require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
	require.NotContains(t, env, "GH_TOKEN")
	require.NotContains(t, env, "CODESPACES")
	require.Equal(t, "ghp_own", env["GITHUB_TOKEN"], "a person's own stays")
	require.Equal(t, "C", env["LANG"])
	require.Equal(t, "safe.directory", env["GIT_CONFIG_KEY_0"])
	require.Equal(t, p.url, env["PROVISIONKIT_GATEWAY"])
	require.Equal(t, strings.TrimPrefix(p.url, "https://"), env["GH_HOST"])
	require.Equal(t, p.url+"/api/v3", env["GITHUB_API_URL"])

	broken := map[string]string{"GIT_CONFIG_COUNT": "x", "LANG": "C"}
	require.Error(t, m.MutateEnv(t.Context(), "ws-1", broken))
	require.Equal(t, map[string]string{"GIT_CONFIG_COUNT": "x", "LANG": "C"}, broken)
	require.Error(t, m.MutateEnv(t.Context(), "ws-1", nil))
	require.Error(t, m.MutateEnv(t.Context(), "", map[string]string{}))
}

func TestWhatIsMissingOrMalformedIsNamed(t *testing.T) {
	hub, err := forge.GitHub("")
	require.NoError(t, err)
	p := newPlatform(t, nil)
	for says, o := range map[string]func(*gateway.Options){
		"Options.BaseURL is required":      func(o *gateway.Options) { o.BaseURL = "" },
		"Options.BaseURL has to be https":  func(o *gateway.Options) { o.BaseURL = "http://127.0.0.1" },
		"Options.BaseURL has to be a host": func(o *gateway.Options) { o.BaseURL = "https://gateway.test/git" },
		"Options.Auth is required, a":      func(o *gateway.Options) { o.Auth = (*tokenhttp.WorkspaceKey)(nil) },
		"Options.BaseURL has a user name":  func(o *gateway.Options) { o.BaseURL = "https://a:b@gateway.test" },
		"Options.Forge is required":        func(o *gateway.Options) { o.Forge = nil },
		"Options.Auth is required":         func(o *gateway.Options) { o.Auth = nil },
		"Options.Policy is required":       func(o *gateway.Options) { o.Policy = nil },
	} {
		opts := p.options
		o(&opts)
		_, err := gateway.New(opts)
		require.ErrorContains(t, err, says)
	}
	for says, o := range map[string]gateway.MutatorOptions{
		"MutatorOptions needs":                   {},
		"MutatorOptions has a ConfigFile, which": {Key: p.key, ConfigFile: "/a/b", BearerFile: "/c"},
		"ConfigFile \"a\" is not":                {Key: p.key, ConfigFile: "a"},
		"BearerFile \"a\" is not":                {Key: p.key, BearerFile: "a"},
		"TTL is -1s":                             {Key: p.key, TTL: -time.Second},
	} {
		_, err := gateway.NewMutator("https://gateway.test", hub, o)
		require.ErrorContains(t, err, says)
	}
	_, err = gateway.NewMutator("", hub, gateway.MutatorOptions{Key: p.key})
	require.ErrorContains(t, err, "the base URL is required")
	_, err = gateway.NewMutator("https://gateway.test", nil, gateway.MutatorOptions{Key: p.key})
	require.ErrorContains(t, err, "needs a Forge")
	for _, url := range []string{"x", "http://github.example/api/v3", "https://github.com", "https://api.github.com/api/v3",
		"https://github.example", "https://github.example/api/v3?x=1", "https://u:p@github.example/api/v3"} {
		_, err := forge.GitHub(url)
		require.Error(t, err, url)
	}
	for _, url := range []string{"", "https://api.github.com", "https://api.octo.ghe.com/", "https://github.example/api/v3/"} {
		_, err := forge.GitHub(url)
		require.NoError(t, err, url)
	}
}
