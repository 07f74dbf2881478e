package gitcredential_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

const (
	theirs  = "!echo username=theirs; echo password=theirs; :"
	ourHost = "credential.https://github.com.helper"
)

// wiredByFile returns a git in whose workspace the mutator of opts has written
// its ConfigFile, and for which system is the image's own configuration.
func wiredByFile(t testing.TB, opts gitcredential.MutatorOptions, system string) *testutil.Git {
	t.Helper()
	g := testutil.NewGit(t)
	delete(g.Env, "GIT_CONFIG_NOSYSTEM")
	opts.ConfigFile = filepath.Join(t.TempDir(), "git config")
	opts.SystemConfig = filepath.Join(t.TempDir(), "the image's own #;")
	if runtime.GOOS != "windows" {
		opts.SystemConfig += `"\`
	}
	if system != "" {
		require.NoError(t, os.WriteFile(opts.SystemConfig, []byte(system), 0o600))
	}
	registry := provisionhook.NewRegistry()
	registry.Register(newMutator(t, &opts))
	plan, err := registry.Plan(t.Context(), "ws-1", g.Env)
	require.NoError(t, err)
	for path, content := range plan.Files {
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
	maps.Copy(g.Env, plan.Env)
	return g
}

// helperScript returns the path of a helper that is a shell script.
func helperScript(t testing.TB, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the helper here is a shell script")
	}
	path := filepath.Join(t.TempDir(), `it's a "helper" \ #;`)
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	return path
}

// fill returns what git answers to who asks it for a credential of host.
func fill(t testing.TB, g *testutil.Git, dir, host string) string {
	t.Helper()
	cmd := g.Command(t, dir, "credential", "fill")
	cmd.Stdin = strings.NewReader("protocol=https\nhost=" + host + "\n\n")
	out, _ := cmd.Output() // without a credential git fails, and prints none
	return string(out)
}

// filter drops what programs drop that pass on no variable which looks as if
// it held a secret.
func filter(env map[string]string) {
	secret := regexp.MustCompile("KEY|TOKEN|SECRET")
	maps.DeleteFunc(env, func(name, _ string) bool { return secret.MatchString(name) })
}

func TestTheConfigFileWiresGitWhereVariablesAreFilteredByName(t *testing.T) {
	opts := gitcredential.MutatorOptions{Command: helperScript(t, "echo username=ours\necho password=$1")}
	g := wiredByFile(t, opts, "[image]\n\tset = yes\n[credential]\n\thelper = \""+theirs+"\"\n")
	filter(g.Env)
	dir := t.TempDir()
	require.Contains(t, fill(t, g, dir, "github.com"), "username=ours\npassword=get\n")
	require.Contains(t, fill(t, g, dir, "other.example"), "username=theirs\n", "other hosts keep the image's helpers")
	require.Equal(t, "yes", g.Run(t, dir, "config", "image.set"))

	byVariables := testutil.NewGit(t)
	mutate(t, &opts, byVariables.Env)
	require.Contains(t, fill(t, byVariables, dir, "github.com"), "username=ours\n")
	filter(byVariables.Env)
	_, stderr, err := byVariables.Try(t, dir, "config", "--list")
	require.Error(t, err, "the variables don't survive that")
	require.Contains(t, stderr, "GIT_CONFIG_KEY_0")
}

func TestAConfigFileNeedsNoConfigurationOfTheImage(t *testing.T) {
	g := wiredByFile(t, gitcredential.MutatorOptions{Command: helperScript(t, "echo username=ours\necho password=$1")}, "")
	require.Contains(t, fill(t, g, t.TempDir(), "github.com"), "username=ours\n")
	require.NoError(t, os.Remove(g.Env["GIT_CONFIG_SYSTEM"]))
	require.Empty(t, fill(t, g, t.TempDir(), "github.com"), "where the file isn't written, git isn't wired")
	g.Run(t, t.TempDir(), "config", "--list")
}

// It is the limit of a file that git reads first.
func TestHelpersOfThePersonAreAskedBehindAConfigFiles(t *testing.T) {
	g := wiredByFile(t, gitcredential.MutatorOptions{
		Command: helperScript(t, `[ "$NONE" ] || { echo username=ours; echo password=x; }`)}, "")
	stored := filepath.Join(t.TempDir(), "stored")
	g.Run(t, t.TempDir(), "config", "--global", "credential.helper",
		"!f() { cat >>'"+stored+"'; echo $1; }; echo username=theirs; echo password=y; f")
	dir := t.TempDir()
	require.Contains(t, fill(t, g, dir, "github.com"), "username=ours\npassword=x\n")
	require.NoFileExists(t, stored)

	approve := g.Command(t, dir, "credential", "approve")
	approve.Stdin = strings.NewReader(githubRequest[:len(githubRequest)-1] + "username=ours\npassword=x\n\n")
	require.NoError(t, approve.Run())
	content, err := os.ReadFile(stored)
	require.NoError(t, err)
	require.Contains(t, string(content), "password=x\n", "it is told what ours answered")

	g.Env["NONE"] = "1"
	require.Contains(t, fill(t, g, dir, "github.com"), "username=theirs\n")
	g.Run(t, dir, "config", "--global", "--add", ourHost, "")
	delete(g.Env, "NONE")
	require.Empty(t, fill(t, g, dir, "github.com"), "a person can wipe ours")
}

func TestGitReadsBackWhatTheConfigFileSays(t *testing.T) {
	hosts := []string{"github.com", "git.example:8443", "[::1]:8443", "[2001:db8::1]", "x_y.example"}
	for _, command := range []string{
		"git-credential-provisionkit", "/a b/helper", `C:\Program Files\helper.exe`, `"`, `\`, `\\"`, `'`, ` `,
		" leading and trailing ", "#a;b # c ; d", "=", "[x]", "$HOME `id` %(prefix)/x", "~/helper", "é\xff\xa0",
		strings.Repeat(`\"`, 4096), "", "inline",
	} {
		opts := gitcredential.MutatorOptions{Hosts: hosts, Command: command}
		if command == "inline" {
			opts = gitcredential.MutatorOptions{Hosts: hosts, Inline: true}
		}
		g := wiredByFile(t, opts, "[image]\n\tset = yes\n")
		read, _, err := g.Try(t, t.TempDir(), "config", "--system", "--includes", "--null", "--list")
		require.NoError(t, err, command)

		env := mutate(t, &opts, map[string]string{})
		_, got, found := strings.Cut(read, "image.set\nyes\x00")
		require.True(t, found, read)
		var want strings.Builder
		for n := range 2 * len(hosts) {
			i := string(rune('0' + n))
			want.WriteString(env["GIT_CONFIG_KEY_"+i] + "\n" + env["GIT_CONFIG_VALUE_"+i] + "\x00")
		}
		require.Equal(t, want.String(), got)
	}
}

func TestAConfigFileIsRefusedWhereGitWouldLoseSomething(t *testing.T) {
	m := newMutator(t, &gitcredential.MutatorOptions{ConfigFile: "/run/gitconfig", SystemConfig: "/usr/local/etc/gitconfig"})
	for name, c := range map[string]struct {
		env  map[string]string
		says string
	}{
		"another file":        {map[string]string{"GIT_CONFIG_SYSTEM": "/opt/gitconfig"}, "names another file"},
		"no file":             {map[string]string{"GIT_CONFIG_SYSTEM": "/dev/null"}, "names another file"},
		"no system":           {map[string]string{"GIT_CONFIG_NOSYSTEM": "1"}, "git ignores the file"},
		"no system, in words": {map[string]string{"GIT_CONFIG_NOSYSTEM": "True"}, "git ignores the file"},
		"nil":                 {nil, "nil environment"},
	} {
		before := maps.Clone(c.env)
		require.ErrorContains(t, m.MutateEnv(t.Context(), "ws-1", c.env), c.says, name)
		require.Equal(t, before, c.env, name)
	}
	require.ErrorContains(t, m.MutateFiles(t.Context(), "ws-1", nil), "nil map")
	for _, env := range []map[string]string{
		{}, {"GIT_CONFIG_SYSTEM": ""}, {"GIT_CONFIG_SYSTEM": "/run/gitconfig"}, {"GIT_CONFIG_NOSYSTEM": "Off"},
		{"GIT_CONFIG_SYSTEM": "/usr/local/etc/gitconfig"}, {"GIT_CONFIG_COUNT": "not ours to read"},
	} {
		before := maps.Clone(env)
		require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
		before["GIT_CONFIG_SYSTEM"], before["PROVISIONKIT_HOSTS"] = "/run/gitconfig", "github.com"
		require.Equal(t, before, env)
	}
}

func TestAConfigFileThatAnotherMutatorContributesIsAddedTo(t *testing.T) {
	const path = "/run/gitconfig"
	m := newMutator(t, &gitcredential.MutatorOptions{ConfigFile: path})
	held := []byte("[user]\n\tname = \"agent\"\n")
	files := map[string][]byte{path: held}
	require.NoError(t, m.MutateFiles(t.Context(), "ws-1", files))
	want := "[user]\n\tname = \"agent\"\n[credential \"https://github.com\"]\n\thelper = \"\"\n\thelper = \"!'git-credential-provisionkit'\"\n"
	require.Equal(t, want, string(files[path]))
	require.NoError(t, m.MutateFiles(t.Context(), "ws-1", files))
	require.Equal(t, want, string(files[path]), "a second run changes nothing")

	files = map[string][]byte{}
	require.NoError(t, newMutator(t, nil).MutateFiles(t.Context(), "ws-1", files))
	require.Empty(t, files, "without a ConfigFile there is none")
}
