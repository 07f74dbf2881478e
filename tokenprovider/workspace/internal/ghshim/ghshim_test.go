package ghshim_test

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// shim is a workspace in which gh is a link to the command, and another program
// named gh stands behind it on the PATH.
type shim struct {
	*workspacetest.Platform
	env  map[string]string
	dir  string // of the link
	link string
	real string // what is to be run in the end
}

func newShim(t *testing.T) *shim {
	t.Helper()
	p := newPlatform(t, workspacetest.Hourly())
	s := &shim{Platform: p, env: p.Env(t, "ws-1"), dir: t.TempDir()}
	s.link = filepath.Join(s.dir, "gh"+filepath.Ext(testutil.Command(t)))
	workspacetest.Link(t, testutil.Command(t), s.link)
	behind := t.TempDir()
	s.real = program(t, behind, "gh")
	s.env["PATH"] = s.dir + string(os.PathListSeparator) + behind
	s.env["HOME"] = t.TempDir()
	return s
}

// gh runs what gh is in this workspace, with changes to its environment.
func (s *shim) gh(t testing.TB, changes map[string]string, args ...string) result {
	t.Helper()
	env := maps.Clone(s.env)
	maps.Copy(env, changes)
	cmd := process(t.Context(), t, env, "input", args...)
	cmd.Path, cmd.Args[0] = s.link, "gh"
	return run(t, env, cmd)
}

func TestWhoeverTypesGhGetsTheRealOneWithALiveToken(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	env := map[string]string{"GH_TOKEN": "ghs_dead", "GITHUB_TOKEN": "ghs_dead", "CODESPACES": "true", "KEPT": "1", "PROGRAM_EXIT": "3"}
	r := s.gh(t, env, "pr", "list", "--json", "a b")
	require.Equal(t, 3, r.Code)
	require.Empty(t, r.Stderr)
	g := r.Given(t)
	require.Equal(t, []string{s.real, "pr", "list", "--json", "a b"}, g.Args)
	require.Equal(t, "input", g.Stdin)
	require.Equal(t, logins{"github.com": firstToken}, g.Logins(t))
	require.Equal(t, []string{firstToken}, g.Values("GH_TOKEN"))
	for _, name := range []string{"GITHUB_TOKEN", "CODESPACES", "GH_CONFIG_DIR"} {
		require.Empty(t, g.Values(name), name)
	}
	require.Equal(t, []string{"1"}, g.Values("KEPT"))
	require.Equal(t, []string{s.link}, g.Values("GH_PATH"))

	direct := start(t, s.env, "", "gh", "pr", "list").Given(t)
	require.Equal(t, []string{s.real, "pr", "list"}, direct.Args)
	require.Equal(t, logins{"github.com": firstToken}, direct.Logins(t))
	require.Len(t, s.Asked(), 2)
}

// TestTheTokenThatGhGets goes through what may be in the environment. What
// isn't named is unset in the end, but for GH_TOKEN where gh has a token for
// github.com.
func TestTheTokenThatGhGets(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	type env = map[string]string
	names := []string{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}
	const enterprise = "ghes.example,github.com"
	for name, c := range map[string]struct {
		env    env
		args   []string
		want   env
		logins logins
	}{
		"nothing is set": {
			env{}, nil, env{}, logins{"github.com": firstToken},
		},
		"empty variables": {
			env{"GH_TOKEN": "", "GITHUB_TOKEN": ""}, nil, env{}, logins{"github.com": firstToken},
		},
		"an injected token": {
			env{"GH_TOKEN": "ghs_dead", "GITHUB_TOKEN": "ghs_dead"}, nil, env{}, logins{"github.com": firstToken},
		},
		"a token of the person's": {
			env{"GH_TOKEN": "ghp_own", "GITHUB_TOKEN": "ghs_dead"}, nil, env{"GH_TOKEN": "ghp_own"},
			nil,
		},
		"two of the person's": {
			env{"GH_TOKEN": "ghp_own", "GITHUB_TOKEN": "gho_own"}, nil,
			env{"GH_TOKEN": "ghp_own", "GITHUB_TOKEN": "gho_own"}, nil,
		},
		"the person's in the second variable": {
			env{"GITHUB_TOKEN": "github_pat_own"}, nil, env{"GITHUB_TOKEN": "github_pat_own"}, nil,
		},
		"the person's where gh wouldn't take it": {
			env{"GH_TOKEN": "ghs_dead", "GITHUB_TOKEN": "ghp_own"}, nil, env{},
			logins{"github.com": firstToken},
		},

		"a host of ours": {
			env{"GH_HOST": "GitHub.com"}, nil, env{}, logins{"github.com": firstToken},
		},
		"another host": {
			env{"GH_HOST": "ghes.example", "GH_TOKEN": "ghs_dead", "GH_ENTERPRISE_TOKEN": "own"},
			nil, env{"GH_ENTERPRISE_TOKEN": "own"}, nil,
		},
		"another host by flag": {
			env{"GH_TOKEN": "ghs_dead"}, []string{"api", "--hostname", "evil.example", "/"}, env{},
			nil,
		},
		"the same in one word": {
			env{"GH_TOKEN": "ghs_dead"}, []string{"api", "--hostname=github.com.evil.example", "/"},
			env{}, nil,
		},
		"a tenant that isn't ours": {env{"GH_HOST": "acme.ghe.com"}, nil, env{}, nil},
		"a tenant": {
			env{"GH_HOST": "acme.ghe.com", "PROVISIONKIT_HOSTS": "acme.ghe.com"}, nil, env{},
			logins{"acme.ghe.com": firstToken},
		},
		"a server": {
			env{
				"GH_HOST": "ghes.example", "PROVISIONKIT_HOSTS": enterprise,
				"GITHUB_TOKEN": "ghp_own",
			},
			nil, env{"GITHUB_TOKEN": "ghp_own"},
			logins{"ghes.example": firstToken, "github.com": firstToken},
		},
		"a server by flag": {
			env{"PROVISIONKIT_HOSTS": enterprise}, []string{"api", "--hostname", "ghes.example"},
			env{}, logins{"ghes.example": firstToken, "github.com": firstToken},
		},
		"a server and one's own": {
			env{
				"GH_HOST": "ghes.example", "PROVISIONKIT_HOSTS": enterprise,
				"GITHUB_ENTERPRISE_TOKEN": "own",
			},
			nil, env{"GITHUB_ENTERPRISE_TOKEN": "own"}, nil,
		},
		"a server and an injected": {
			env{
				"GH_HOST": "ghes.example", "PROVISIONKIT_HOSTS": enterprise,
				"GH_ENTERPRISE_TOKEN": "ghs_dead",
			},
			nil, env{}, logins{"ghes.example": firstToken, "github.com": firstToken},
		},
		"a server and github.com": {
			env{"PROVISIONKIT_HOSTS": enterprise}, nil, env{},
			logins{"ghes.example": firstToken, "github.com": firstToken},
		},
		"nothing but a server": {
			env{"PROVISIONKIT_HOSTS": "ghes.example"}, nil, env{"GH_HOST": "ghes.example"},
			logins{"ghes.example": firstToken},
		},
		"a flag that has no value": {
			env{}, []string{"api", "--hostname"}, env{}, logins{"github.com": firstToken},
		},
		"a log-in": {
			env{"GH_TOKEN": "ghs_dead", "GITHUB_TOKEN": "ghs_dead"},
			[]string{"auth", "login", "--with-token"}, env{}, nil,
		},
		"a log-out": {
			env{"GH_TOKEN": "ghs_dead"}, []string{"auth", "logout"}, env{}, nil,
		},
		"a refresh": {
			env{"GH_TOKEN": "ghs_dead"}, []string{"auth", "refresh", "-s", "repo"}, env{}, nil,
		},
		"a switch": {
			env{"GITHUB_TOKEN": "ghs_dead"}, []string{"auth", "switch"}, env{}, nil,
		},
		"set-up of git for another host": {
			env{}, []string{"auth", "setup-git", "-h", "ghes.example"}, env{}, nil,
		},
		"a log-in with one's own": {
			env{"GH_TOKEN": "ghp_own"}, []string{"auth", "login"}, env{"GH_TOKEN": "ghp_own"}, nil,
		},
		"a flag before it": {
			env{}, []string{"--debug", "auth", "--x", "login"}, env{}, nil,
		},
		"the state of the log-in": {
			env{}, []string{"auth", "status"}, env{}, logins{"github.com": firstToken},
		},
		"the token": {
			env{}, []string{"auth", "token"}, env{}, logins{"github.com": firstToken},
		},
		"the version": {
			env{"GH_TOKEN": "ghs_dead"}, []string{"--version"}, env{}, nil,
		},
		"what login is in a pull one": {
			env{}, []string{"pr", "login"}, env{}, logins{"github.com": firstToken},
		},
	} {
		args := c.args
		if args == nil {
			args = []string{"pr", "list"}
		}
		r := s.gh(t, c.env, args...)
		require.Zero(t, r.Code, "%s: %s", name, r.Stderr)
		if !strings.Contains(r.Stderr, "isn't used: it has an installation token") {
			require.Empty(t, r.Stderr, name)
		}
		g := r.Given(t)
		require.Equal(t, args, g.Args[1:], name)
		require.Equal(t, c.logins, g.Logins(t), name)
		for _, variable := range append(names, "GH_HOST") {
			want := c.want[variable]
			if variable == "GH_HOST" && want == "" {
				want = c.env[variable]
			}
			if variable == "GH_TOKEN" && want == "" && c.want["GITHUB_TOKEN"] == "" {
				want = c.logins["github.com"]
			}
			if want == "" {
				require.Empty(t, g.Values(variable), "%s: %s", name, variable)
			} else {
				require.Equal(t, []string{want}, g.Values(variable), "%s: %s", name, variable)
			}
		}
	}
}

func TestWhenThePlatformFailsGhRunsWithoutAToken(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	s.Down()
	last := s.gh(t, map[string]string{"GH_TOKEN": "ghs_dead", "GITHUB_TOKEN": "ghp_broad"}, "pr",
		"list")
	require.Zero(t, last.Code)
	require.Equal(t, 1, strings.Count(last.Stderr, "\n"), last.Stderr)
	require.Contains(t, last.Stderr, "gh runs without a token: ")
	require.Contains(t, last.Stderr, "502")
	require.Empty(t, last.Given(t).Logins(t))
	require.Empty(t, last.Given(t).Values("GH_TOKEN"))
	require.Empty(t, last.Given(t).Values("GITHUB_TOKEN"), "never a broader one")
}

func TestWithoutATokenGhDoesNotGoOnAsSomebodyElse(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	s.Down()
	home := s.env["HOME"]
	login := func(dir, content string) {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "hosts.yml"), []byte(content), 0o600))
	}
	require.Contains(t, s.gh(t, nil, "pr", "list").Stderr, "gh runs without a token: ")
	login(filepath.Join(home, ".config", "gh"), "other.example:\n    oauth_token: gho_other\n")
	require.Contains(t, s.gh(t, nil, "pr", "list").Stderr, "gh runs without a token: ")

	login(filepath.Join(home, ".config", "gh"), "github.com:\n    git_protocol: ssh\n")
	require.Contains(t, s.gh(t, nil, "pr", "list").Stderr, "gh runs without a token: ",
		"a setting is no login")
	for _, content := range []string{
		"github.com:\n    git_protocol: ssh\n    user: me\n", "github.com:\n    git_protocol: x\n",
		"github.com:\n  users:\n    me:\n",
		"github.com: {oauth_token: gho_broad}\n", "? github.com\n: oauth_token: gho_broad\n",
		"  github.com:\n    oauth_token: gho_broad\n",
		"other.example:\n    git_protocol: ssh\ngithub.com:\n    oauth_token: gho_broad\n",
		"github.com:\n    git_protocol: ssh\nGITHUB.COM:\n    oauth_token: gho_broad\n",
	} {
		login(filepath.Join(home, ".config", "gh"), content)
		require.Contains(t, s.gh(t, nil, "pr", "list").Failed(t), "gh isn't run", content)
	}

	stored := map[string]map[string]string{}
	for name, dir := range map[string]string{"GH_CONFIG_DIR": "config", "XDG_CONFIG_HOME": "xdg/gh", "HOME": "home/.config/gh"} {
		login(filepath.Join(home, dir), "\"GitHub.com\":\n    oauth_token: gho_broad\n")
		stored[name] = map[string]string{name: filepath.Join(home, strings.Split(dir, "/")[0])}
	}
	for name, env := range stored {
		r := s.gh(t, env, "pr", "list")
		require.Contains(t, r.Failed(t),
			"gh isn't run, since it would act as the login in "+env[name], name)
		require.Contains(t, r.Stderr, "502")
		require.Zero(t, s.gh(t, env, "auth", "logout").Code, "what changes the login is run")
	}
	require.Contains(t,
		s.gh(t, map[string]string{"PROVISIONKIT_ON_FAILURE": "quit"}, "pr", "list").Failed(t),
		"gh isn't run: ")
	s.gh(t, map[string]string{"PROVISIONKIT_ON_FAILURE": "panic"}, "pr", "list").Failed(t)
	s.gh(t, map[string]string{"PROVISIONKIT_HOSTS": "https://x"}, "pr", "list").Failed(t)
}

func TestWithoutAPlatformGhIsAsIfTheShimWereNotThere(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	delete(s.env, "PROVISIONKIT_URL")
	change := map[string]string{
		"GH_TOKEN": "ghs_dead", "GITHUB_TOKEN": "ghp_own", "CODESPACES": "true", "PROVISIONKIT_HOSTS": "https://x",
	}
	for _, args := range [][]string{{"pr", "list"}, {"auth", "setup-git"}, {"--version"}} {
		r := s.gh(t, change, args...)
		require.Zero(t, r.Code)
		require.Empty(t, r.Stderr)
		want := maps.Clone(s.env)
		maps.Copy(want, change)
		want["PROVISIONKIT_GH_DEPTH"] = "1" // so that what leads back here ends
		require.ElementsMatch(t, workspacetest.Environ(want), r.Given(t).Env)
	}
}

func TestAnOwnInstallationTokenThatIsSetAsideIsNamed(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	const own, other = "ghs_own000000000000000000000000000000000", "ghs_injected0000000000000000000000000000"
	for name, c := range map[string]struct {
		env   map[string]string
		args  string
		named string
	}{
		"in the first variable":        {map[string]string{"GH_TOKEN": own}, "pr list", "GH_TOKEN"},
		"in the second":                {map[string]string{"GITHUB_TOKEN": own}, "pr list", "GITHUB_TOKEN"},
		"before an injected one":       {map[string]string{"GH_TOKEN": own, "GITHUB_TOKEN": other}, "pr list", "GH_TOKEN"},
		"before a person's":            {map[string]string{"GH_TOKEN": own, "GITHUB_TOKEN": "ghp_own"}, "pr list", "GH_TOKEN"},
		"for a tenant that isn't ours": {map[string]string{"GH_TOKEN": own}, "api --hostname x.ghe.com /", "GH_TOKEN"},
		"for a server": {
			map[string]string{"GH_ENTERPRISE_TOKEN": own, "PROVISIONKIT_HOSTS": "ghes.example"}, "pr list", "GH_ENTERPRISE_TOKEN",
		},
		"what gh wouldn't take":   {map[string]string{"GH_TOKEN": "ghp_own", "GITHUB_TOKEN": own}, "pr list", ""},
		"what is for a server":    {map[string]string{"GH_ENTERPRISE_TOKEN": own}, "pr list", ""},
		"what needs no token":     {map[string]string{"GH_TOKEN": own}, "auth login", ""},
		"what a platform injects": {map[string]string{"GH_TOKEN": other, "GITHUB_TOKEN": other}, "pr list", ""},
		"what the shim gave":      {map[string]string{"GH_TOKEN": own, "PROVISIONKIT_GH_DEPTH": "1"}, "pr list", ""},
	} {
		r := s.gh(t, c.env, strings.Fields(c.args)...)
		require.Zero(t, r.Code, name)
		if c.named == "" {
			require.Empty(t, r.Stderr, name)
			continue
		}
		require.Equal(t, "git-credential-provisionkit: "+c.named+" isn't used: it has an installation token "+
			"of unknown age; to act as that run "+s.real+" itself\n", r.Stderr, name)
		require.NotContains(t, strings.Join(r.Given(t).Env, "\n"), own, name)
	}
}

func TestTheSetUpOfGitByGhEndsWell(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	s.Down() // it asks nobody
	for _, args := range [][]string{
		{"auth", "setup-git"}, {"auth", "setup-git", "--hostname", "github.com"}, {"auth", "setup-git", "-h", "github.com"},
	} {
		r := s.gh(t, map[string]string{"GH_TOKEN": "ghs_dead", "GITHUB_TOKEN": "ghs_dead"}, args...)
		require.Equal(t, result{
			Stderr: "nothing to set up: git asks git-credential-provisionkit, and not gh, for github.com\n",
		}, r)
	}
	own := s.gh(t, map[string]string{"GH_TOKEN": "ghp_own"}, "auth", "setup-git")
	require.Equal(t, []string{"ghp_own"}, own.Given(t).Values("GH_TOKEN"), "a person's own login is theirs")
	require.NotEmpty(t, s.gh(t, nil, "auth", "setup-git", "--help").Given(t).Args)
}

func TestATokenThatGhFoundNoGoodIsReported(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	rejected := func() (digests []string) {
		for _, r := range s.Asked() {
			digests = append(digests, r.Header.Values("Provisionkit-Rejected")...)
		}
		return digests
	}
	for _, code := range []string{"0", "1", "2", "8"} { // 1: the forge doesn't say that it refuses it
		require.Empty(t, s.gh(t, map[string]string{"PROGRAM_EXIT": code}, "pr", "list").Stderr)
	}
	require.Equal(t, 4, s.gh(t, map[string]string{"PROGRAM_EXIT": "4", "GH_TOKEN": "ghp_own"}, "pr", "list").Code)
	require.Empty(t, rejected())
	require.Equal(t, 4, s.gh(t, map[string]string{"PROGRAM_EXIT": "4"}, "pr", "list").Code)
	require.Equal(t, []string{tokenprovider.TokenSHA256(firstToken)}, rejected())
	next := s.gh(t, nil, "pr", "list").Given(t).Logins(t)
	require.NotEqual(t, logins{"github.com": firstToken}, next)
	require.NotEmpty(t, next)
}

func TestTheRealGhIsTheOneThatIsNamedOrTheFirstThatIsNoShim(t *testing.T) {
	t.Parallel()
	s := newShim(t)
	list := string(os.PathListSeparator)
	other, copies, hostile := t.TempDir(), t.TempDir(), t.TempDir()
	named := program(t, other, "gh")
	content, err := os.ReadFile(testutil.Command(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(copies, filepath.Base(s.link)), content, 0o700))
	program(t, hostile, "gh")

	for name, change := range map[string]map[string]string{
		"named":               {"PROVISIONKIT_GH": named},
		"a copy of the shim":  {"PATH": copies + list + s.dir + list + other},
		"relative folders":    {"PATH": "." + list + "" + list + s.dir + list + list + other},
		"a link to a program": {"PATH": s.dir + list + other},
	} {
		env := maps.Clone(s.env)
		maps.Copy(env, change)
		cmd := process(t.Context(), t, env, "", "pr", "list")
		cmd.Path, cmd.Dir = s.link, hostile
		cmd.Args[0] = s.link
		require.Equal(t, named, run(t, env, cmd).Given(t).Args[0], name)
	}
	for says, value := range map[string]string{
		"PROVISIONKIT_GH must be an absolute path":       "gh",
		"it leads back to this program":                  s.link,
		"must be the real gh":                            filepath.Join(copies, filepath.Base(s.link)),
		"PROVISIONKIT_GH: ":                              filepath.Join(other, "nothing"),
		"PROVISIONKIT_GH: exec: " + strconv.Quote(other): other,
	} {
		r := s.gh(t, map[string]string{"PROVISIONKIT_GH": value}, "pr", "list")
		require.Contains(t, []int{126, 127}, r.Code, says)
		require.Empty(t, r.Stdout)
		require.Contains(t, r.Stderr, says)
	}
}

func TestAGhThatLeadsBackToTheShimEndsSoonAndSaysWhy(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the program that leads back is a shell script")
	}
	s := newShim(t)
	folder := t.TempDir()
	workspacetest.Script(t, folder, "gh", s.link+` "$@"`)
	r := s.gh(t, map[string]string{"PROVISIONKIT_GH": filepath.Join(folder, "gh")}, "pr", "list")
	require.Contains(t, r.Failed(t), "again and again: set PROVISIONKIT_GH")
	require.LessOrEqual(t, len(s.Asked()), 8, "once for each time")
}

func TestTheRealGhIsFoundOnAMinimalPath(t *testing.T) {
	t.Parallel()
	gh := testutil.NeedTool(t, "gh")
	if gh != "/usr/bin/gh" {
		t.Skip("gh isn't where Debian has it")
	}
	s := newShim(t)
	r := s.gh(t, map[string]string{"PATH": s.dir}, "--version")
	require.Zero(t, r.Code, r.Stderr)
	require.Contains(t, r.Stdout, "gh version")
}
