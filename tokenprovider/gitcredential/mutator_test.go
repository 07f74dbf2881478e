package gitcredential_test

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

var ( // its methods suffice: the package needs no import
	_ provisionhook.EnvMutator  = (*gitcredential.Mutator)(nil)
	_ provisionhook.FileMutator = (*gitcredential.Mutator)(nil)
)

func mutate(t testing.TB, opts *gitcredential.MutatorOptions, env map[string]string) map[string]string {
	t.Helper()
	require.NoError(t, newMutator(t, opts).MutateEnv(t.Context(), "ws-1", env))
	return env
}

func newMutator(t testing.TB, opts *gitcredential.MutatorOptions) *gitcredential.Mutator {
	t.Helper()
	m, err := gitcredential.NewMutator(opts)
	require.NoError(t, err)
	return m
}

func TestTheMutatorWiresEachHostWithAResetAndThenTheHelper(t *testing.T) {
	require.Equal(t, "git-credential", newMutator(t, nil).Name())
	require.Equal(t, map[string]string{
		"GIT_CONFIG_COUNT": "2",
		"GIT_CONFIG_KEY_0": "credential.https://github.com.helper", "GIT_CONFIG_VALUE_0": "",
		"GIT_CONFIG_KEY_1": "credential.https://github.com.helper", "GIT_CONFIG_VALUE_1": "!'git-credential-provisionkit'",
		"PROVISIONKIT_HOSTS": "github.com",
	}, mutate(t, nil, map[string]string{}))

	env := mutate(t, &gitcredential.MutatorOptions{
		Hosts: []string{"Git.Example", "127.0.0.1:8443", "git.example:443"}, Command: "/opt/o'neil/helper",
	}, map[string]string{"PROVISIONKIT_HOSTS": "stale.example"})
	require.Equal(t, "4", env["GIT_CONFIG_COUNT"])
	require.Equal(t, "credential.https://127.0.0.1:8443.helper", env["GIT_CONFIG_KEY_3"])
	require.Equal(t, `!'/opt/o'\''neil/helper'`, env["GIT_CONFIG_VALUE_3"])
	require.Equal(t, "git.example,127.0.0.1:8443", env["PROVISIONKIT_HOSTS"])

	kept := mutate(t, &gitcredential.MutatorOptions{KeepHelpers: true}, map[string]string{})
	require.Equal(t, "1", kept["GIT_CONFIG_COUNT"])
	for name, value := range kept {
		require.NotEmpty(t, value, name)
	}
}

func TestUseHTTPPathHasGitTellThePathOfOurHostsAlone(t *testing.T) {
	for _, file := range []string{"", filepath.Join(t.TempDir(), "gitconfig")} {
		m := newMutator(t, &gitcredential.MutatorOptions{Hosts: []string{"a.example", "b.example"}, UseHTTPPath: true, ConfigFile: file})
		g := testutil.NewGit(t)
		delete(g.Env, "GIT_CONFIG_NOSYSTEM")
		files := map[string][]byte{}
		require.NoError(t, m.MutateEnv(t.Context(), "ws-1", g.Env))
		require.NoError(t, m.MutateFiles(t.Context(), "ws-1", files))
		for path, content := range files {
			require.NoError(t, os.WriteFile(path, content, 0o600))
		}
		for _, host := range []string{"a.example", "b.example"} {
			require.Equal(t, "true", g.Run(t, g.Home, "config", "--get-urlmatch", "credential.useHttpPath", "https://"+host+"/acme/x"))
		}
		_, _, err := g.Try(t, g.Home, "config", "--get-urlmatch", "credential.useHttpPath", "https://c.example/acme/x")
		require.Error(t, err, "other hosts keep their paths to themselves")
	}
}

func TestASecondRunOfTheMutatorChangesNothing(t *testing.T) {
	opts := &gitcredential.MutatorOptions{Hosts: []string{"a.example", "b.example"}, UseHTTPPath: true}
	env := mutate(t, opts, map[string]string{})
	require.Equal(t, env, mutate(t, opts, maps.Clone(env)))
}

func TestTheMutatorTellsTheWorkspaceWhatToDoWithoutAToken(t *testing.T) {
	const name = "PROVISIONKIT_ON_FAILURE"
	require.NotContains(t, mutate(t, nil, map[string]string{}), name)
	require.Equal(t, "quit", mutate(t, nil, map[string]string{name: "quit"})[name], "the default decides nothing")
	for _, file := range []string{"", "/run/gitconfig"} {
		opts := &gitcredential.MutatorOptions{OnFailure: gitcredential.Quit, ConfigFile: file}
		require.Equal(t, "quit", mutate(t, opts, map[string]string{name: "fallthrough"})[name])
	}
}

func TestTheMutatorKeepsItsOwnCopyOfTheOptions(t *testing.T) {
	opts := &gitcredential.MutatorOptions{Hosts: []string{"a.example"}}
	m := newMutator(t, opts)
	opts.Hosts[0] = "evil.example"
	env := map[string]string{}
	require.NoError(t, m.MutateEnv(t.Context(), "ws-1", env))
	require.Equal(t, "a.example", env["PROVISIONKIT_HOSTS"])
}

func TestOptionsThatCannotBeUsedAreNamedWhenTheMutatorIsMade(t *testing.T) {
	for name, c := range map[string]struct {
		opts gitcredential.MutatorOptions
		says string
	}{
		"a URL for a host":            {gitcredential.MutatorOptions{Hosts: []string{"https://github.com"}}, `"https://github.com"`},
		"an empty host":               {gitcredential.MutatorOptions{Hosts: []string{"github.com", ""}}, `"" isn't a host`},
		"no hosts":                    {gitcredential.MutatorOptions{Hosts: []string{}}, "Hosts is empty"},
		"a line break in the command": {gitcredential.MutatorOptions{Command: "a\nb"}, "Command holds a control character"},
		"a command and the line":      {gitcredential.MutatorOptions{Inline: true, Command: "x"}, "Command and Inline"},
		"no such OnFailure":           {gitcredential.MutatorOptions{OnFailure: 2}, "OnFailure is 2"},
		"a negative OnFailure":        {gitcredential.MutatorOptions{OnFailure: -1}, "OnFailure is -1"},
		"a negative CacheFor":         {gitcredential.MutatorOptions{CacheFor: -1}, "CacheFor is -1ns"},
		"too long a CacheFor":         {gitcredential.MutatorOptions{CacheFor: 10*time.Minute + 1}, "CacheFor is 10m0.000000001s"},
		"a relative file":             {gitcredential.MutatorOptions{ConfigFile: "gitconfig"}, "ConfigFile \"gitconfig\""},
		"a file with a detour":        {gitcredential.MutatorOptions{ConfigFile: "/run/../gitconfig"}, "ConfigFile"},
		"a file with a line break":    {gitcredential.MutatorOptions{ConfigFile: "/run/a\nb"}, "ConfigFile"},
		"the image's own file":        {gitcredential.MutatorOptions{ConfigFile: "/etc/gitconfig"}, "choose another path"},
		"a relative system file":      {gitcredential.MutatorOptions{ConfigFile: "/run/x", SystemConfig: "x"}, "SystemConfig \"x\""},
		"a system file alone":         {gitcredential.MutatorOptions{SystemConfig: "/x"}, "SystemConfig and no ConfigFile"},
	} {
		m, err := gitcredential.NewMutator(&c.opts)
		require.ErrorContains(t, err, c.says, name)
		require.Nil(t, m, name)
	}
}

func TestAnEnvironmentThatGitCannotUseIsNamedAndLeftAsItIs(t *testing.T) {
	for says, env := range map[string]map[string]string{
		"GIT_CONFIG_COUNT": {"GIT_CONFIG_COUNT": "x"},
		"nil environment":  nil,
	} {
		before := maps.Clone(env)
		require.ErrorContains(t, newMutator(t, nil).MutateEnv(t.Context(), "ws-1", env), says)
		require.Equal(t, before, env)
	}
	env := map[string]string{}
	require.NoError(t, (&gitcredential.Mutator{}).MutateEnv(t.Context(), "ws-1", env))
	require.Empty(t, env, "the zero Mutator wires nothing")
}

// It also proves that a helper which a repository brings is never asked.
func TestGitRunsTheHelperFromAPathThatAShellWouldSplit(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper here is a shell script")
	}
	g := testutil.NewGit(t)
	dir := filepath.Join(t.TempDir(), `it's a "dir" $HOME`)
	require.NoError(t, os.Mkdir(dir, 0o700))
	command := filepath.Join(dir, "helper")
	require.NoError(t,
		os.WriteFile(command, []byte("#!/bin/sh\necho username=ours\necho password=$1\n"), 0o700))
	mutate(t, &gitcredential.MutatorOptions{Command: command}, g.Env)

	repository := t.TempDir()
	g.Run(t, repository, "init", "--quiet")
	g.Run(t, repository, "config", "credential.helper",
		"!echo username=hostile; echo password=hostile; :")
	g.Run(t, repository, "config", "credential.https://github.com.helper",
		"!echo username=hostile; echo password=hostile; :")

	fill := func(host string) string {
		cmd := g.Command(t, repository, "credential", "fill")
		cmd.Stdin = strings.NewReader("protocol=https\nhost=" + host + "\n\n")
		out, err := cmd.Output()
		require.NoError(t, err)
		return string(out)
	}
	require.Contains(t, fill("github.com"), "username=ours\npassword=get\n")
	require.Contains(t, fill("other.example"), "username=hostile\n",
		"other hosts keep their helpers")
}

func TestTheHelperComesBeforeAnAskpassThatAnIDEHasSet(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs here are shell scripts")
	}
	g := testutil.NewGit(t)
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked")
	command, askpass := filepath.Join(dir, "helper"), filepath.Join(dir, "askpass")
	require.NoError(t, os.WriteFile(command, []byte("#!/bin/sh\n$ANSWER\n"), 0o700))
	require.NoError(t,
		os.WriteFile(askpass, []byte("#!/bin/sh\ntouch '"+asked+"'\necho theirs\n"), 0o700))
	mutate(t, &gitcredential.MutatorOptions{Command: command}, g.Env)
	g.Env["GIT_ASKPASS"], g.Env["SSH_ASKPASS"] = askpass, askpass

	fill := func(answer string) (string, error) {
		g.Env["ANSWER"] = answer
		cmd := g.Command(t, dir, "credential", "fill")
		cmd.Stdin = strings.NewReader(githubRequest)
		out, err := cmd.Output()
		return string(out), err
	}
	filled, err := fill("printf username=ours\\npassword=x\\n")
	require.NoError(t, err)
	require.Contains(t, filled, "username=ours\npassword=x\n")
	require.NoFileExists(t, asked)

	_, err = fill("echo quit=1")
	require.Error(t, err)
	require.NoFileExists(t, asked, "a helper that quits keeps it away, too")
}
