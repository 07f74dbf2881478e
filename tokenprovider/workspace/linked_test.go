package workspace_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// linked is the path of testdata/linked, built under that name in a folder of its own.
func linked(t *testing.T, name string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+filepath.Ext(testutil.Command(t)))
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "./testdata/linked")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return path
}

// TestAProgramThatWasBuiltWithThisModuleIsNotTakenForTheCommand is about a platform's own gh: install must not replace it,
// and it may be the real one.
func TestAProgramThatWasBuiltWithThisModuleIsNotTakenForTheCommand(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	own := linked(t, "gh")
	before, err := os.ReadFile(own)
	require.NoError(t, err)
	require.Contains(t, a.install(t, "--dir", filepath.Dir(own)).failed(t), own+" is there and isn't this program")
	after, err := os.ReadFile(own)
	require.NoError(t, err)
	require.Equal(t, len(before), len(after))

	s := newShim(t)
	r := s.gh(t, map[string]string{"PROVISIONKIT_GH": own, "LINKED_OWN": "1"}, "pr", "list")
	require.Equal(t, result{stdout: "the platform's own program\n"}, r)
}

func TestAProgramThatTheCommandIsLinkedIntoKnowsItsOtherBuilds(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	other := linked(t, "gh", "-ldflags=-s")
	command := linked(t, "git-credential-provisionkit")
	env := maps.Clone(a.Env)
	env["PATH"] = filepath.Dir(command) + string(os.PathListSeparator) + env["PATH"]
	cmd := process(t.Context(), t, env, "", "install", "--dir", filepath.Dir(other))
	cmd.Path, cmd.Args[0] = command, command
	r := run(t, env, cmd)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, other+" is now this program")
}
