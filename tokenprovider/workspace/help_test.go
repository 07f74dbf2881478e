package workspace_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHelpNamesEverySubcommandAndVariable(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"help", "--help", "-h"} {
		r := call(t, nil, "", word)
		require.Zero(t, r.Code)
		require.Empty(t, r.Stderr)
		for _, name := range []string{
			"get", "store", "erase", "capability", "token [--json]", "exec -- CMD", "gh [ARG...]",
			"askpass PROMPT",
			"install [--dir DIR] [--global|--system]", "version", "help [SUBCOMMAND]",
			"PROVISIONKIT_URL", "PROVISIONKIT_BEARER_FILE", "PROVISIONKIT_BEARER ",
			"PROVISIONKIT_HOSTS",
			"PROVISIONKIT_ON_FAILURE", "PROVISIONKIT_ALLOW_HTTP", "PROVISIONKIT_GH ",
		} {
			require.Contains(t, r.Stdout, name)
		}
	}
}

func TestEverySubcommandHasAHelpThatFitsATerminal(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"get", "store", "erase", "capability", "token", "exec", "gh", "askpass", "install", "version", "help",
	} {
		r := call(t, nil, "", "help", name)
		require.Zero(t, r.Code, name)
		require.True(t, strings.HasPrefix(r.Stdout, "Usage: git-credential-provisionkit "+name),
			r.Stdout)
		require.Greater(t, strings.Count(r.Stdout, "\n"), 2, name)
		for line := range strings.SplitSeq(r.Stdout, "\n") {
			require.LessOrEqual(t, len(line), 100, line)
		}
	}
	for _, name := range []string{"token", "exec", "askpass", "install", "doctor"} {
		for _, flag := range []string{"--help", "-h"} {
			require.Equal(t, call(t, nil, "", "help", name), call(t, nil, "", name, flag))
		}
	}
	require.Equal(t, call(t, nil, "", "help"), call(t, nil, "", "help", "--help"))
	call(t, nil, "", "help", "nothing").Failed(t)
	call(t, nil, "", "help", "get", "store").Failed(t)
}
