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
		require.Zero(t, r.code)
		require.Empty(t, r.stderr)
		for _, name := range []string{
			"get", "store", "erase", "capability", "token [--json]", "exec -- CMD", "gh [ARG...]", "askpass PROMPT",
			"install [--dir DIR] [--global|--system]", "version", "help [SUBCOMMAND]",
			"PROVISIONKIT_TOKEN_URL", "PROVISIONKIT_BEARER_FILE", "PROVISIONKIT_BEARER ", "PROVISIONKIT_HOSTS",
			"PROVISIONKIT_ON_FAILURE", "PROVISIONKIT_ALLOW_HTTP", "PROVISIONKIT_GH ",
		} {
			require.Contains(t, r.stdout, name)
		}
	}
}

func TestEverySubcommandHasAHelpThatFitsATerminal(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"get", "store", "erase", "capability", "token", "exec", "gh", "askpass", "install", "version", "help"} {
		r := call(t, nil, "", "help", name)
		require.Zero(t, r.code, name)
		require.True(t, strings.HasPrefix(r.stdout, "Usage: git-credential-provisionkit "+name), r.stdout)
		require.Greater(t, strings.Count(r.stdout, "\n"), 2, name)
		for line := range strings.SplitSeq(r.stdout, "\n") {
			require.LessOrEqual(t, len(line), 110, line)
		}
	}
	for _, name := range []string{"token", "exec", "askpass", "install", "doctor"} {
		for _, flag := range []string{"--help", "-h"} {
			require.Equal(t, call(t, nil, "", "help", name), call(t, nil, "", name, flag))
		}
	}
	require.Equal(t, call(t, nil, "", "help"), call(t, nil, "", "help", "--help"))
	call(t, nil, "", "help", "nothing").failed(t)
	call(t, nil, "", "help", "get", "store").failed(t)
}
