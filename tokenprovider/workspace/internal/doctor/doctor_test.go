package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
	"github.com/stretchr/testify/require"
)

// patient is a workspace in which all is well, for a test to break one thing
// of: the real endpoint, git wired by its environment to the built command, and
// that before a gh.
type patient struct {
	*testutil.Git
	platform *workspacetest.Platform
	bin      string // the first folder of its PATH: the command and its link gh
	git, gh  string // and the other two
	tokens   *workspacetest.Mint
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs that break things here are shell scripts")
	}
	p := &patient{
		Git: testutil.NewGit(t), tokens: &workspacetest.Mint{Life: time.Hour},
		bin: t.TempDir(), git: t.TempDir(), gh: t.TempDir(),
	}
	p.platform = newPlatform(t, workspacetest.Cached(p.tokens))
	maps.Copy(p.Env, p.platform.Env(t, "ws-1"))
	here, err := os.Getwd()
	require.NoError(t, err)
	p.Env["GIT_CEILING_DIRECTORIES"] = filepath.Dir(here) // the folder of this test is no repository
	p.Env["PATH"] = strings.Join([]string{p.bin, p.git, p.gh}, string(filepath.ListSeparator))

	command := filepath.Join(p.bin, "git-credential-provisionkit")
	require.NoError(t, os.Symlink(testutil.Command(t), command))
	require.NoError(t, os.Symlink(command, filepath.Join(p.bin, "gh")))
	require.NoError(t, os.Symlink(testutil.NeedTool(t, "git"), filepath.Join(p.git, "git")))
	workspacetest.Script(t, p.gh, "gh", `echo "gh version 2.99.0 (2030-01-01)"`)
	mutator, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Command: command})
	require.NoError(t, err)
	require.NoError(t, mutator.MutateEnv(t.Context(), "ws-1", p.Env))
	return p
}

// config adds a setting to those in the environment of git.
func (p *patient) config(t *testing.T, key, value string) {
	t.Helper()
	require.NoError(t, gitcredential.AppendEnv(p.Env, gitcredential.Entry{Key: key, Value: value}))
}

// unwire takes git's configuration out of the environment.
func (p *patient) unwire() {
	maps.DeleteFunc(p.Env, func(name, _ string) bool {
		return strings.HasPrefix(name, "GIT_CONFIG_") && name != "GIT_CONFIG_GLOBAL"
	})
	p.Env["GIT_CONFIG_NOSYSTEM"] = "1"
}

// repository makes one, and has git take it for the one that it runs in.
func (p *patient) repository(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	p.Run(t, folder, "init", "--quiet")
	p.Env["GIT_DIR"], p.Env["GIT_WORK_TREE"] = filepath.Join(folder, ".git"), folder
	return folder
}

// diagnosis is what doctor --json says.
type diagnosis struct {
	OK     bool `json:"ok"`
	Checks []struct {
		Name, Status, Message string
	} `json:"checks"`
}

// of returns what doctor says about a workspace, once there is no secret in it.
func (p *patient) of(t *testing.T) diagnosis {
	t.Helper()
	r := call(t, p.Env, "", "doctor", "--json")
	require.Empty(t, r.Stderr)
	return p.read(t, r)
}

func (p *patient) read(t *testing.T, r result) diagnosis {
	t.Helper()
	p.requireClean(t, r.Stdout)
	var d diagnosis
	require.NoError(t, json.Unmarshal([]byte(r.Stdout), &d), r.Stdout)
	require.Equal(t, d.OK, r.Code == 0)
	return d
}

// secretWords are in each secret that these tests put somewhere.
var secretWords = regexp.MustCompile(`ghs_|gho_|hunter2|eyJ`)

func (p *patient) requireClean(t *testing.T, output string) {
	t.Helper()
	require.NotRegexp(t, secretWords, output)
	bearer := p.Env["PROVISIONKIT_BEARER"]
	if content, err := os.ReadFile(p.Env["PROVISIONKIT_BEARER_FILE"]); err == nil {
		bearer = strings.TrimSpace(string(content))
	}
	if len(bearer) > 40 {
		require.Empty(t, testutil.Leak(output, bearer))
	}
}

// with returns the checks that have the status.
func (d diagnosis) with(status string) []string {
	var names []string
	for _, c := range d.Checks {
		if c.Status == status {
			names = append(names, c.Name)
		}
	}
	return names
}

func (d diagnosis) message(name string) string {
	for _, c := range d.Checks {
		if c.Name == name {
			return c.Message
		}
	}
	return ""
}

// breakage is one thing that is wrong in a workspace, and the one check that
// sees it.
type breakage struct {
	name    string
	do      func(t *testing.T, p *patient)
	check   string
	status  string // default: error
	says    string
	besides string // another check that has to warn then
}

// ofARepository are the checks that have nothing to look at without one.
var ofARepository = []string{"repository", "remotes", "forge"}

// diagnose runs doctor for each breakage: the check has the status, and no
// other has anything to say.
func diagnose(t *testing.T, breakages []breakage) {
	t.Parallel()
	for _, b := range breakages {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			b.do(t, p)
			d := p.of(t)
			status := b.status
			if status == "" {
				status = "error"
			}
			expected := map[string][]string{"error": nil, "warning": nil}
			if status != "ok" {
				expected[status] = []string{b.check}
			}
			if b.besides != "" {
				expected["warning"] = append(expected["warning"], b.besides)
			}
			require.Equal(t, expected,
				map[string][]string{"error": d.with("error"), "warning": d.with("warning")}, "%+v",
				d)
			require.Equal(t, status != "error", d.OK)
			require.Contains(t, d.message(b.check), b.says)
			if status != "error" {
				require.Subset(t, ofARepository, d.with("skipped"))
			}
		})
	}
}

func TestInAHealthyWorkspaceEveryCheckIsGreen(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	d := p.of(t)
	require.True(t, d.OK)
	require.Len(t, d.with("ok"), len(d.Checks)-len(ofARepository), "%+v", d)
	require.Equal(t, ofARepository, d.with("skipped"))
	require.Equal(t, "there is no repository in this folder", d.message("repository"))
	require.Equal(t, p.Env["PROVISIONKIT_URL"], d.message("url"))
	token := strings.TrimSpace(call(t, p.Env, "", "token").Stdout)
	require.Contains(t, d.message("token"), "SHA-256 "+tokenprovider.TokenSHA256(token))
	require.Regexp(t, `^(1h0m0s|59m\d+s) left of its life`, d.message("token"))
	require.Equal(t, "git gets the token for github.com", d.message("git-credential"))
	require.Contains(t, d.message("gh"), "gh 2.99.0")
	require.EqualValues(t, 1, p.tokens.N.Load(), "tokens are read, not made")
}

func TestASetUpProvesItselfByARealGetAndFailsOtherwise(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	require.Zero(t, start(t, p.Env, "", "doctor").Code)
	asked := p.platform.Asked()
	require.Equal(t, "10m0s", asked[len(asked)-1].URL.Query().Get("min_ttl"), "as git's get asks")

	instead(entry(helperKey, "!'/nowhere/git-credential-provisionkit'"))(t, p)
	r := start(t, p.Env, "", "doctor")
	require.Equal(t, 1, r.Code)
	require.Regexp(t, `(?m)^error +git-credential +git gets no credential for github.com`, r.Stdout)
}

func TestDoctorShowsTheURLAndNamesItsVariableWhenItIsMissing(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	require.Equal(t, p.platform.Server.URL+"/workspaces/ws-1/token", p.of(t).message("url"))
	p.Env["PROVISIONKIT_URL"] = p.platform.Server.URL + "/workspaces//token"
	require.Contains(t, p.of(t).message("url"),
		"PROVISIONKIT_URL is "+p.platform.Server.URL+"/workspaces//token")
	delete(p.Env, "PROVISIONKIT_URL")
	require.Contains(t, p.of(t).message("url"), "PROVISIONKIT_URL isn't set")
}

// TestRawTokensInTheWayOfTheHelperAreAllFoundAtOnce has several things wrong,
// none of which hides another.
func TestRawTokensInTheWayOfTheHelperAreAllFoundAtOnce(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	remote("remote.origin.url", "https://x-access-token:hunter2@github.com/acme/widgets")(t, p)
	config("http.https://github.com/.extraHeader", "Authorization: basic hunter2")(t, p)
	config("url.https://x:hunter2@github.com/.insteadOf", "git@github.com:")(t, p)
	home(".netrc", "machine github.com login x password hunter2")(t, p)
	without("GH_TOKEN")(t, p)
	d := p.of(t)
	require.Equal(t, []string{"remotes", "headers", "rewrites", "netrc", "environment"},
		d.with("error"))
	require.Equal(t, []string{"forge"}, d.with("skipped"))
}

func TestDoctorAsAPersonReadsItHasALineForEachCheck(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	checks := p.of(t).Checks
	r := start(t, p.Env, "", "doctor")
	p.requireClean(t, r.Stdout)
	require.Zero(t, r.Code, r.Stdout)
	require.Empty(t, r.Stderr)
	lines := strings.Split(strings.TrimSuffix(r.Stdout, "\n"), "\n")
	require.Len(t, lines, len(checks))
	for i, line := range lines {
		require.Regexp(t, `^`+checks[i].Status+` +`+checks[i].Name+` +\S`, line)
	}

	p.platform.Down()
	r = start(t, p.Env, "", "doctor")
	p.requireClean(t, r.Stdout)
	require.Equal(t, 1, r.Code)
	require.Regexp(t,
		`(?m)^error    endpoint        no token endpoint but something else answered \(502, text/plain`,
		r.Stdout)
	require.Regexp(t, `(?m)^skipped  token           not checked, because of endpoint$`, r.Stdout)
	require.Regexp(t, `(?m)^ok       git-helper      `, r.Stdout)
	require.Equal(t, 1, strings.Count(r.Stdout, "error"))
}

func TestColoursAreForATerminalAndForThoseWhoWantThem(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the terminal here is the script of Linux, which takes a command")
	}
	terminal := testutil.NeedTool(t, "script")
	p := newPatient(t)
	p.Env["PATH"] += string(filepath.ListSeparator) + filepath.Dir(terminal)
	p.Env["TERM"], p.Env["SHELL"] = "xterm", "/bin/sh"
	run := func() string {
		cmd := exec.CommandContext(t.Context(), terminal, "-qec",
			"git-credential-provisionkit doctor", "/dev/null")
		cmd.Env = workspacetest.Environ(p.Env)
		output, _ := cmd.CombinedOutput()
		return string(output)
	}
	p.Env["CODESPACES"], p.Env["GH_TOKEN"] = "", "ghs_stale"
	require.Regexp(t, "(?m)^\x1b\\[32mok     \x1b\\[0m  url", run())
	require.Regexp(t, "(?m)^\x1b\\[33mwarning\x1b\\[0m  environment", run())
	p.Env["PROVISIONKIT_URL"] = ""
	require.Regexp(t, "(?m)^\x1b\\[31merror  \x1b\\[0m  url", run())
	p.Env["TERM"] = "dumb"
	require.NotContains(t, run(), "\x1b")
	p.Env["TERM"], p.Env["NO_COLOR"] = "xterm", "1"
	require.NotContains(t, run(), "\x1b")
	require.Regexp(t, `(?m)^error    url `, run())
}

func TestDoctorWorksWithoutAHomeOrAFolderToWriteTo(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"} {
		delete(p.Env, name)
	}
	p.Env["TMPDIR"] = "/nowhere/tmp"
	d := p.read(t, start(t, p.Env, "", "doctor", "--json"))
	require.Empty(t, d.with("warning"), "%+v", d)
	require.Empty(t, d.with("error"), "%+v", d)
	require.Contains(t, d.message("git-credential"), "git gets the token")
}

func TestDoctorEndsWhenNothingElseDoes(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	p.platform.On(func(http.ResponseWriter, *http.Request) bool { <-release; return true })
	workspacetest.Script(t, p.git, "git", testutil.NeedTool(t, "sleep")+" 60")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var stdout bytes.Buffer
	c := &workspace.Command{
		Args: []string{"git-credential-provisionkit", "doctor", "--json"}, Env: func(name string) string { return p.Env[name] },
		Environ: workspacetest.Environ(p.Env), Stdout: &stdout,
	}
	began := time.Now()
	d := p.read(t, result{Code: c.Run(ctx), Stdout: stdout.String()})
	require.Less(t, time.Since(began), 8*time.Second)
	require.Equal(t, []string{"platform", "git"}, d.with("error"))
	require.Contains(t, d.message("platform"), "doesn't answer in time")
	require.Contains(t, d.message("git"), "(this check ran out of its time)")
}

func TestDoctorRefusesArgumentsThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"doctor", "--yaml"}, {"doctor", "--json", "x"}} {
		require.Contains(t, call(t, nil, "", args...).Failed(t), "unknown arguments")
	}
}

func TestEveryCheckIsBrokenByATest(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	broken := map[string]bool{}
	all := slices.Concat(platformBreakages, tokenBreakages, gitBreakages, wiringBreakages,
		repositoryBreakages, bypassBreakages, ghBreakages)
	for _, b := range all {
		broken[b.check] = broken[b.check] || b.status != "ok"
	}
	for _, c := range p.of(t).Checks {
		require.True(t, broken[c.Name], "no test breaks %s", c.Name)
	}
}
