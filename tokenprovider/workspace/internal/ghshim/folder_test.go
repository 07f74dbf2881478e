package ghshim_test

import (
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// everyHost stands for all servers that gh can talk to, and notes what each is
// sent.
type everyHost struct {
	mu   sync.Mutex
	sent map[string][]string // Authorization by host
}

func newEveryHost(t *testing.T) (h *everyHost, socket string) {
	t.Helper()
	h = &everyHost{sent: map[string][]string{}}
	dir, err := os.MkdirTemp("", "gh-") // a socket's path has to be short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.sent[r.Host] = append(h.sent[r.Host], r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":{}}`))
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return h, socket
}

// take returns what was sent since the last call.
func (h *everyHost) take() map[string][]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	sent := h.sent
	h.sent = map[string][]string{}
	return sent
}

// newRealShim makes a workspace in which the real gh stands behind the shim and
// sends everything to one place.
func newRealShim(t *testing.T) (*everyHost, *shim) {
	t.Helper()
	gh := testutil.NeedTool(t, "gh")
	h, socket := newEveryHost(t)
	s := newShim(t)
	maps.Copy(s.env, testutil.GHEnv(t, s.env["HOME"], socket))
	s.env["PROVISIONKIT_GH"] = gh
	s.env["PATH"] += string(os.PathListSeparator) + os.Getenv("PATH")
	return h, s
}

// TestTheRealGhGivesTheTokenToOurHostsAlone names hosts in all the ways that gh
// has, those that the shim doesn't look at among them.
func TestTheRealGhGivesTheTokenToOurHostsAlone(t *testing.T) {
	t.Parallel()
	h, s := newRealShim(t)
	const both = "ghes.example,github.com"
	for name, c := range map[string]struct {
		hosts string
		args  string
		sent  string // the host that is asked
		token bool
	}{
		"github.com": {"github.com", "api user", "api.github.com", true},
		"a server":   {"ghes.example", "api user", "ghes.example", true},
		"a server of two": {
			both, "api --hostname ghes.example user", "ghes.example", true,
		},
		"github.com of two": {both, "api user", "api.github.com", true},
		"a server with a port": {
			"ghes.example:8443", "api user", "ghes.example:8443", true,
		},
		"a tenant": {"acme.ghe.com", "api user", "acme.ghe.com", true},
		"a repository's host": {
			both, "repo view ghes.example/o/r", "ghes.example", true,
		},
		"another repository's host": {
			both, "repo view evil.example/o/r", "evil.example", false,
		},
		"another host by -R": {
			"ghes.example", "issue list -R evil.example/o/r", "evil.example", false,
		},
		"another host by a URL": {
			"ghes.example", "api https://evil.example/x", "evil.example", false,
		},
		"another host by plain http": {
			"ghes.example", "api http://evil.example/x", "evil.example", false,
		},
		"the host that is named last": {
			"ghes.example", "api --hostname ghes.example --hostname evil.example x", "evil.example",
			false,
		},
		"the last in one word": {
			"ghes.example", "api --hostname=ghes.example --hostname=evil.example x", "evil.example",
			false,
		},
		"another port": {
			"ghes.example", "api https://ghes.example:8443/x", "ghes.example:8443", false,
		},
		"a tenant that isn't ours": {
			"acme.ghe.com", "api --hostname=evil.ghe.com x", "evil.ghe.com", false,
		},
		"a tenant by a URL": {
			"acme.ghe.com", "api https://evil.ghe.com/x", "evil.ghe.com", false,
		},
		"another host than github.com": {
			"github.com", "api https://evil.example/x", "evil.example", false,
		},
		"a look-alike of github.com": {
			"github.com", "api --hostname=github.com.evil.example x", "github.com.evil.example",
			false,
		},
		"github.com when it isn't ours": {
			"ghes.example", "api https://api.github.com/x", "api.github.com", false,
		},
		"this machine, without TLS": {
			"ghes.example", "api http://api.github.localhost/x", "api.github.localhost", false,
		},
		"a server's name as a subdomain": {
			"ghes.example", "api https://ghes.example.evil.example/x", "ghes.example.evil.example",
			false,
		},
		"a server's name in another case": {
			"ghes.example", "api https://GHES.example/x", "GHES.example", true,
		},
	} {
		r := s.gh(t, map[string]string{"PROVISIONKIT_HOSTS": c.hosts}, strings.Fields(c.args)...)
		sent := h.take()
		if api := sent["api."+c.sent]; len(api) > 0 { // a tenant's, since gh knows them
			sent = map[string][]string{c.sent: api}
		}
		if c.token {
			require.Equal(t, []string{"token " + firstToken}, sent[c.sent], "%s: %v %s", name, sent,
				r.Stderr)
		}
		for host, authorizations := range sent {
			// After a failure the shim asks our host whether it refuses the
			// token.
			ours := slices.Contains(strings.Split(c.hosts, ","), strings.TrimPrefix(strings.ToLower(host), "api."))
			require.True(t, ours || strings.Join(authorizations, "") == "",
				"%s: %s was sent %q", name, host, authorizations)
		}
	}
}

func TestGitThatTheRealGhStartsGetsTheTokenForOurHostsAlone(t *testing.T) {
	t.Parallel()
	_, s := newRealShim(t)
	// Hosts under ghe.com are GitHub's own, to which a newer gh gives GH_TOKEN.
	for host, served := range map[string]bool{"github.com": true, "ghes.example": true, "evil.example": false} {
		cmd := process(t.Context(), t, s.env, "protocol=https\nhost="+host+"\n\n", "auth",
			"git-credential", "get")
		cmd.Path, cmd.Args[0] = s.link, "gh"
		cmd.Env = append(cmd.Env, "PROVISIONKIT_HOSTS=github.com,ghes.example")
		r := run(t, s.env, cmd)
		require.Equal(t, served,
			strings.Contains(r.Stdout, "username=x-access-token\npassword="+firstToken+"\n"),
			"%s: %s", host, r.Stderr)
		require.Equal(t, served, r.Stdout != "", host)
	}
}

func TestAPersonsOwnSettingsOfGhHoldOn(t *testing.T) {
	t.Parallel()
	h, s := newRealShim(t)
	own := s.env["GH_CONFIG_DIR"]
	require.NoError(t, os.WriteFile(filepath.Join(own, "hosts.yml"), []byte("other.example:\n    oauth_token: gho_own\n    user: me\n"+
		"GitHub.com:\n    oauth_token: gho_broad\n    user: me\n"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(own, "extension"), 0o700))
	require.NoError(t,
		os.WriteFile(filepath.Join(own, "extension", "settings"), []byte("theirs"), 0o600))

	require.Zero(t, s.gh(t, nil, "alias", "set", "who", "api user").Code)
	require.Zero(t, s.gh(t, nil, "who").Code)
	require.Equal(t, map[string][]string{"api.github.com": {"token " + firstToken}}, h.take())
	require.Zero(t, s.gh(t, nil, "api", "https://other.example/x").Code)
	require.Equal(t, map[string][]string{"other.example": {"token gho_own"}}, h.take())
	require.Zero(t, s.gh(t, nil, "api", "--hostname", "other.example", "x").Code)
	require.Equal(t, map[string][]string{"other.example": {"token gho_own"}}, h.take())

	require.Zero(t,
		s.gh(t, nil, "alias", "set", "theirs", `!cat "$GH_CONFIG_DIR/extension/settings"`).Code)
	require.Equal(t, "theirs", s.gh(t, nil, "theirs").Stdout)
	require.Zero(t,
		s.gh(t, nil, "alias", "set", "deep", `!"$GH_PATH" config set pager less && "$GH_PATH" auth token`).Code)
	require.Equal(t, firstToken+"\n", s.gh(t, nil, "deep").Stdout)
	settings, err := os.ReadFile(filepath.Join(own, "config.yml"))
	require.NoError(t, err)
	require.Contains(t, string(settings), "pager: less",
		"what gh starts changes the person's settings")
	require.Equal(t, "less\n", s.gh(t, nil, "config", "get", "pager").Stdout)
	require.Empty(t, filesWith(t, own, firstToken))
}

// entries returns what is in a folder.
func entries(t *testing.T, folder string) []os.DirEntry {
	t.Helper()
	found, err := os.ReadDir(folder)
	require.NoError(t, err)
	return found
}

// filesWith returns the files below dir that hold secret.
func filesWith(t testing.TB, dir, secret string) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), secret) {
			found = append(found, path)
		}
		return err
	}))
	return found
}

func TestGhTakesNoLoginsOrSettingsOfTheRepositoryAtHand(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	repository := t.TempDir()
	config := filepath.Join(repository, ".config", "gh")
	require.NoError(t, os.MkdirAll(config, 0o700))
	require.NoError(t,
		os.WriteFile(filepath.Join(config, "hosts.yml"), []byte("github.com:\n    oauth_token: gho_theirs\nother.example:\n    oauth_token: gho_theirs\n"), 0o600))
	require.NoError(t,
		os.WriteFile(filepath.Join(config, "config.yml"), []byte("aliases:\n    pr: '!theirs'\n"), 0o600))
	delete(s.env, "HOME")
	here := func(change map[string]string) result {
		env := maps.Clone(s.env)
		maps.Copy(env, change)
		cmd := process(t.Context(), t, env, "", "pr", "list")
		cmd.Path, cmd.Args[0], cmd.Dir = s.link, "gh", repository
		return run(t, env, cmd)
	}
	for name, change := range map[string]map[string]string{
		"no home": nil, "a relative home": {"HOME": "."}, "a relative folder": {"GH_CONFIG_DIR": ".config/gh"}, "another": {"XDG_CONFIG_HOME": ".config"},
	} {
		g := here(change).Given(t)
		require.Equal(t, logins{"github.com": firstToken}, g.Logins(t), name)
		for _, file := range []string{"hosts.yml", "config.yml"} {
			require.NotContains(t, g.Config[file], "theirs", name)
		}
	}
	s.Down()
	r := here(nil)
	require.Zero(t, r.Code)
	require.Contains(t, r.Stderr, "gh runs without a token: ",
		"what the repository has is no login")
	for name, r := range map[string]result{
		"without a token":  r,
		"for another host": here(map[string]string{"GH_HOST": "other.example"}),
		"with one's own":   here(map[string]string{"GH_TOKEN": "ghp_own"}),
	} {
		require.True(t, filepath.IsAbs(r.Given(t).Values("GH_CONFIG_DIR")[0]),
			"%s gh would look in the current folder", name)
	}
}

func TestGhHasThePersonsSettingsAndOtherLogins(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	own := t.TempDir()
	s.env["GH_CONFIG_DIR"], s.env["PROVISIONKIT_HOSTS"] = own, "github.com,[::1]:8443"
	ours := ""
	for _, host := range []string{"github.com", "[::1]:8443"} {
		ours += `"` + host + "\":\n    oauth_token: \"" + firstToken + "\"\n    user: x-access-token\n"
	}
	const other = "other.example:\n    users:\n        me:\n    user: me\n"
	for name, c := range map[string]struct{ file, content, want string }{
		"settings": {
			"config.yml", "version: \"1\"\naliases:\n    co: pr checkout\n",
			"version: \"1\"\naliases:\n    co: pr checkout\n",
		},
		"settings of an older gh": {
			"config.yml", "# mine\ngit_protocol: ssh\n",
			"# mine\nversion: \"1\"\ngit_protocol: ssh\n",
		},
		"no settings": {"config.yml", "", "version: \"1\"\n"},
		"nothing but remarks": {
			"config.yml", "# git_protocol: ssh", "# git_protocol: ssh\nversion: \"1\"\n",
		},
		"settings of a document": {
			"config.yml", "# mine\n---\n\ngit_protocol: ssh\n",
			"# mine\n---\n\nversion: \"1\"\ngit_protocol: ssh\n",
		},
		"settings that are indented": {
			"config.yml", "  'git_protocol': ssh\n  pager: less\n",
			"  version: \"1\"\n  'git_protocol': ssh\n  pager: less\n",
		},
		"a form of settings that gh doesn't write": {
			"config.yml", "{git_protocol: ssh}\n", "{git_protocol: ssh}\n",
		},
		"no logins":         {"hosts.yml", "", ours},
		"a login elsewhere": {"hosts.yml", other, ours + other},
		"one's own for a host of ours": {
			"hosts.yml", "GitHub.com:\n    oauth_token: gho_own\n" + other, ours + other,
		},
		"the same behind the other": {
			"hosts.yml", other + "\"github.com\":\n    oauth_token: gho_own", ours + other,
		},
		"a setting for a host of ours": {
			"hosts.yml", "GitHub.com:\n    git_protocol: ssh\n    oauth_token: gho_own\n",
			strings.Replace(ours, "token\n", "token\n    git_protocol: ssh\n", 1),
		},
		"a setting that is none": {
			"hosts.yml", "github.com:\n    git_protocol: \"ssh\n      evil.example:\n", ours,
		},
		"one's own for a port": {
			"hosts.yml", "'[::1]:8443':\n    oauth_token: gho_own\n", ours,
		},
		"remarks and empty lines": {"hosts.yml", "# mine\n\n" + other + "\n", ours + other},
		"no end of the last line": {
			"hosts.yml", strings.TrimSuffix(other, "\n"), ours + other,
		},
		"a form that gh doesn't write": {
			"hosts.yml", "{github.com: {oauth_token: gho_own}, other.example: {user: me}}\n", ours,
		},
		"such a form behind a login": {
			"hosts.yml", other + "? github.com\n: oauth_token: gho_own\n", ours,
		},
		"what belongs to nobody": {"hosts.yml", "    oauth_token: gho_own\n", ours},
		"a host on the line of its name": {
			"hosts.yml", "github.com: {oauth_token: gho_own}\n", ours,
		},
	} {
		for _, file := range []string{"config.yml", "hosts.yml"} {
			require.NoError(t, os.RemoveAll(filepath.Join(own, file)))
		}
		if c.content != "" {
			require.NoError(t, os.WriteFile(filepath.Join(own, c.file), []byte(c.content), 0o600))
		}
		r := s.gh(t, nil, "pr", "list")
		require.Empty(t, r.Stderr, name)
		require.Equal(t, c.want, r.Given(t).Config[c.file], name)
	}

	for _, file := range []string{"config.yml", "hosts.yml"} {
		require.NoError(t, os.RemoveAll(filepath.Join(own, file)))
	}
	require.NoError(t, os.Mkdir(filepath.Join(own, "config.yml"), 0o700))
	r := s.gh(t, map[string]string{"GH_HOST": "[::1]:8443"}, "pr", "list")
	require.Contains(t, r.Stderr, "gh runs without a token: "+filepath.Join(own, "config.yml")+" can't be read")
	require.Equal(t, []string{own}, r.Given(t).Values("GH_CONFIG_DIR"))
}
