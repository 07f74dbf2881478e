package install_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// linked is a build of testdata/linked.
type linked struct {
	name  string
	flags []string
	once  sync.Once
}

var (
	plain    = &linked{name: "linked"}
	stripped = &linked{name: "stripped", flags: []string{"-ldflags=-s"}}
)

// as puts the build under that name into a folder of its own, and returns its
// path.
func (l *linked) as(t *testing.T, name string) string {
	t.Helper()
	command := testutil.Command(t)
	built := filepath.Join(filepath.Dir(command), l.name+filepath.Ext(command))
	l.once.Do(func() {
		// What go run links is cached, and what go build links isn't.
		args := append([]string{"run", "-exec=cp"}, l.flags...)
		build := exec.Command("go", append(args, "./testdata/linked", built)...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		output, err := build.CombinedOutput()
		require.NoError(t, err, "%s", output)
	})
	path := filepath.Join(t.TempDir(), name+filepath.Ext(command))
	workspacetest.Link(t, built, path)
	return path
}

// This is about a platform's own gh: install must not replace it, and it may be
// the real one.
func TestAProgramBuiltWithThisModuleIsNotTakenForTheCommand(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	own := plain.as(t, "gh")
	before, err := os.ReadFile(own)
	require.NoError(t, err)
	says := own + " is there and isn't this program"
	require.Contains(t, a.install(t, "--dir", filepath.Dir(own)).Failed(t), says)
	after, err := os.ReadFile(own)
	require.NoError(t, err)
	require.Equal(t, len(before), len(after))

	p := workspacetest.NewPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1",
		map[string]string{"PROVISIONKIT_GH": own, "LINKED_OWN": "1", "HOME": t.TempDir()})
	cmd := process(t.Context(), t, env, "", "pr", "list")
	cmd.Args[0] = "gh"
	require.Equal(t, result{Stdout: "the platform's own program\n"}, run(t, env, cmd))
}

func TestAProgramThatHasTheCommandLinkedInKnowsItsOtherBuilds(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	other := stripped.as(t, "gh")
	command := plain.as(t, "git-credential-provisionkit")
	env := maps.Clone(a.Env)
	env["PATH"] = filepath.Dir(command) + string(os.PathListSeparator) + env["PATH"]
	cmd := process(t.Context(), t, env, "", "install", "--dir", filepath.Dir(other))
	cmd.Path, cmd.Args[0] = command, command
	r := run(t, env, cmd)
	require.Zero(t, r.Code, r.Stderr)
	require.Contains(t, r.Stdout, other+" is now this program")
}
