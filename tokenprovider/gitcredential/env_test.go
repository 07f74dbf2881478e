package gitcredential_test

import (
	"maps"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/stretchr/testify/require"
)

var (
	reset  = gitcredential.Entry{Key: "credential.https://github.com.helper"}
	helper = gitcredential.Entry{Key: "credential.https://github.com.helper", Value: "!'/a b/helper'"}
	other  = gitcredential.Entry{Key: "credential.https://git.example.helper", Value: "other"}
)

func environment(entries ...gitcredential.Entry) map[string]string {
	env := map[string]string{"UNRELATED": "1"}
	if err := gitcredential.AppendEnv(env, entries...); err != nil {
		panic(err)
	}
	return env
}

func TestAppendEnvAppendsBehindWhatIsThere(t *testing.T) {
	require.Equal(t, map[string]string{
		"UNRELATED": "1", "GIT_CONFIG_COUNT": "2",
		"GIT_CONFIG_KEY_0": reset.Key, "GIT_CONFIG_VALUE_0": "",
		"GIT_CONFIG_KEY_1": helper.Key, "GIT_CONFIG_VALUE_1": helper.Value,
	}, environment(reset, helper))

	for name, c := range map[string]struct{ count, want string }{
		"empty": {"", "1"}, "0": {"0", "1"}, "1": {"1", "2"}, "a space first": {" 1", "2"},
		"a zero first": {"01", "2"}, "a plus first": {"+1", "2"},
	} {
		env := map[string]string{"GIT_CONFIG_COUNT": c.count}
		if c.want == "2" {
			env["GIT_CONFIG_KEY_0"], env["GIT_CONFIG_VALUE_0"] = "user.name", "A=B\n"
		}
		require.NoError(t, gitcredential.AppendEnv(env, other), name)
		require.Equal(t, c.want, env["GIT_CONFIG_COUNT"], name)
		require.Equal(t, other.Value,
			env["GIT_CONFIG_VALUE_"+string('0'+env["GIT_CONFIG_COUNT"][0]-'1')], name)
	}
}

func TestAppendEnvAddsNothingTwiceUnlessItLostItsEffect(t *testing.T) {
	for name, c := range map[string]struct {
		held, entries []gitcredential.Entry
		count         string
	}{
		"the same again":                         {[]gitcredential.Entry{reset, helper}, []gitcredential.Entry{reset, helper}, "2"},
		"behind another host":                    {[]gitcredential.Entry{other, reset, helper}, []gitcredential.Entry{reset, helper}, "3"},
		"before another host":                    {[]gitcredential.Entry{reset, helper, other}, []gitcredential.Entry{reset, helper}, "3"},
		"in another order":                       {[]gitcredential.Entry{helper, reset}, []gitcredential.Entry{reset, helper}, "4"},
		"wiped by a later reset":                 {[]gitcredential.Entry{reset, helper, reset}, []gitcredential.Entry{reset, helper}, "5"},
		"outdone by a later helper":              {[]gitcredential.Entry{reset, helper, {Key: helper.Key, Value: "x"}}, []gitcredential.Entry{reset, helper}, "5"},
		"half of it":                             {[]gitcredential.Entry{reset}, []gitcredential.Entry{reset, helper}, "3"},
		"apart from each other":                  {[]gitcredential.Entry{reset, other, helper}, []gitcredential.Entry{reset, helper}, "5"},
		"a key that differs in case only":        {[]gitcredential.Entry{{Key: "Credential.https://github.com.HELPER", Value: "h"}}, []gitcredential.Entry{{Key: helper.Key, Value: "h"}}, "1"},
		"a subsection that differs in case only": {[]gitcredential.Entry{{Key: "credential.https://GitHub.com.helper", Value: "h"}}, []gitcredential.Entry{{Key: helper.Key, Value: "h"}}, "2"},
		"no entries":                             {[]gitcredential.Entry{reset}, nil, "1"},
	} {
		env := environment(c.held...)
		require.NoError(t, gitcredential.AppendEnv(env, c.entries...), name)
		require.Equal(t, c.count, env["GIT_CONFIG_COUNT"], name)

		again := maps.Clone(env)
		require.NoError(t, gitcredential.AppendEnv(again, c.entries...), name)
		require.Equal(t, env, again, "a second run changes nothing: %s", name)
	}
}

func TestAppendEnvRefusesWhatGitWouldRefuseAndChangesNothing(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"a word":                  {"GIT_CONFIG_COUNT": "abc"},
		"hexadecimal":             {"GIT_CONFIG_COUNT": "0x1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": ""},
		"negative":                {"GIT_CONFIG_COUNT": "-1"},
		"a space behind":          {"GIT_CONFIG_COUNT": "1 ", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": ""},
		"a space alone":           {"GIT_CONFIG_COUNT": " "},
		"too large":               {"GIT_CONFIG_COUNT": "99999999999"},
		"more than there is":      {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": ""},
		"much more than there is": {"GIT_CONFIG_COUNT": "2147483647"},
		"no value":                {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b"},
		"no key":                  {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_VALUE_0": ""},
		"a key without a dot":     {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a", "GIT_CONFIG_VALUE_0": ""},
	} {
		before := maps.Clone(env)
		require.ErrorContains(t, gitcredential.AppendEnv(env, reset, helper), "GIT_CONFIG_COUNT", name)
		require.Equal(t, before, env, name)

		g := testutil.NewGit(t)
		maps.Copy(g.Env, env)
		_, _, err := g.Try(t, t.TempDir(), "config", "--list")
		require.Error(t, err, "git agrees: %s", name)
	}
	require.ErrorContains(t, gitcredential.AppendEnv(nil, reset), "nil environment")
}

func TestAppendEnvOverwritesNothingThatTheCountLeavesOut(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"no count":      {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"},
		"a count of 0":  {"GIT_CONFIG_COUNT": "0", "GIT_CONFIG_KEY_1": "safe.directory", "GIT_CONFIG_VALUE_1": "*"},
		"a value alone": {"GIT_CONFIG_VALUE_1": "*"},
		"behind a counted": {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "",
			"GIT_CONFIG_KEY_1": "a.b"},
	} {
		before := maps.Clone(env)
		require.ErrorContains(t, gitcredential.AppendEnv(env, reset, helper), "git doesn't read it", name)
		require.Equal(t, before, env, name)
	}
}

func TestAppendEnvRefusesAnEntryThatGitCannotRead(t *testing.T) {
	for _, entry := range []gitcredential.Entry{
		{}, {Key: "helper"}, {Key: "credential."}, {Key: ".helper"}, {Key: "credential.1helper"},
		{Key: "credential.a\nb.helper"}, {Key: "cre dential.helper"},
		{Key: "a.b=c"}, {Key: "a.b", Value: "x\x00y"}, {Key: "a.\x00.b"},
	} {
		env := map[string]string{}
		require.Error(t, gitcredential.AppendEnv(env, other, entry), "%q", entry)
		require.Empty(t, env)
	}
}

func TestGitReadsWhatAppendEnvWrites(t *testing.T) {
	for _, held := range [][]gitcredential.Entry{
		nil,
		{{Key: "user.name", Value: "Somebody"}},
		{{Key: "user.name", Value: "Somebody"}, {Key: "credential.https://github.com.helper", Value: "earlier"}, other},
	} {
		g := testutil.NewGit(t)
		require.NoError(t, gitcredential.AppendEnv(g.Env, held...))
		require.NoError(t,
			gitcredential.AppendEnv(g.Env, reset, helper, gitcredential.Entry{Key: "x.a\"b\\c.d", Value: " =\t\n"}))
		dir := t.TempDir()
		require.Equal(t, helper.Value,
			g.Run(t, dir, "config", "--get-urlmatch", "credential.helper", "https://github.com/acme/x"))
		stdout, _, err := g.Try(t, dir, "config", "--null", "--get", "x.a\"b\\c.d")
		require.NoError(t, err)
		require.Equal(t, " =\t\n\x00", stdout)
		for _, entry := range held {
			require.Contains(t, g.Run(t, dir, "config", "--get-all", entry.Key), entry.Value)
		}
	}
}
