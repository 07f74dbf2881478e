package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// run runs a short soak in this process. The exit code tells how it went.
func run(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	testutil.NeedTool(t, "git")
	testutil.NeedTool(t, "redis-server")
	var out bytes.Buffer
	code = soak(context.Background(), args, &out, &out)
	return code, out.String()
}

func TestAShortSoakLosesNothing(t *testing.T) {
	code, said := run(t, "-for", "24s", "-life", "8s", "-seed", "7", "-workspaces", "40", "-git", "2")
	require.Zero(t, code, said)
	require.Contains(t, said, "soak: all is well")
	require.Contains(t, said, " s  key rotation")
	require.Regexp(t, `gateway, git push +[1-9]`, said)
	require.NotRegexp(t, `ghs_|eyJ|PRIVATE KEY`, said)
}

// A workspace that has nothing but the token in its environment is what this
// project is there to prevent.
func TestASoakOfWorkspacesThatNeverRefreshFails(t *testing.T) {
	code, said := run(t, "-for", "12s", "-life", "8s", "-seed", "7", "-workspaces", "12", "-git", "0", "-injected-only")
	require.Equal(t, 1, code, said)
	require.Regexp(t, `(?m)^soak: FAILED, again with -for 12s -seed 7 `, said)
	require.Regexp(t, `\d+ operations were lost`, said)
	require.Regexp(t, `of ws-\d+ \(installation \d, replicas \[[01 ]+\]\) from .*: a token could be had: .*401`, said)
}

func TestWhatCannotRunSaysWhy(t *testing.T) {
	for _, args := range [][]string{{"-git", "5", "-workspaces", "4"}, {"-life", "1s"}, {"-seed", "x"}, {"more"}} {
		code, said := run(t, args...)
		require.Equal(t, 2, code)
		require.NotEmpty(t, said)
	}
}

func TestASecretThatIsPrintedIsFound(t *testing.T) {
	const token = "ghx_0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef"
	for name, line := range map[string]string{
		"whole":        "it is " + token + "\n",
		"its end":      "..." + token[len(token)-20:] + "\n",
		"of a shape":   "token ghs_x\n",
		"another kind": "-----BEGIN PRIVATE KEY-----\n",
	} {
		j := newJournal(nil)
		j.secret(token)
		_, _ = j.Write([]byte("nothing to see\n" + line))
		lines, leaks := j.read()
		require.Equal(t, 2, lines)
		require.NotEmpty(t, leaks, name)
	}
	j := newJournal(nil)
	j.secret(token)
	_, _ = j.Write([]byte("ghx_, and nothing more\n"))
	_, leaks := j.read()
	require.Empty(t, leaks)
}
