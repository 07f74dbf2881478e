package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/examples/internal/local"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if local.IsHelper() {
		main()
	}
	os.Exit(m.Run())
}

// story is what the example tells, whatever the forge.
const story = `^owner-1 signs in at https://\S+ with the code [A-Z-]{9}
owner-1 is alice at (\S.*)
ws-1 pushed a commit by Alice <(\S+)>
ws-1 opened https://\S+1, which is alice's
ws-1 pushed again, when its owner's first access token was dead
ws-2 gets no token, since owner-2 hasn't signed in: unauthenticated
$`

func TestAWorkspaceWorksInItsOwnersName(t *testing.T) {
	t.Parallel()
	run := exec.CommandContext(t.Context(), "go", "run", ".")
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "GITLAB_") { // a real one's, which a continuous integration may have
			run.Env = append(run.Env, variable)
		}
	}
	output, err := run.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Regexp(t, story, string(output))
	require.Contains(t, string(output), "+alice@users.noreply.github.com>")
	require.NotRegexp(t, "gh[a-z]_", string(output))
}

func TestWhatIsMissingForAGitLabIsNamed(t *testing.T) {
	for want, c := range map[string][3]string{
		"GITLAB_URL is no address":   {"gitlab.example", "id", "group/project"},
		"GITLAB_CLIENT_ID is empty":  {"https://gitlab.example", "", "group/project"},
		"name the project that gets": {"https://gitlab.example", "id", ""},
	} {
		_, err := newGitLab(c[0], c[1], c[2])
		require.ErrorContains(t, err, want)
	}
}
