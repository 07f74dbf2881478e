package repotest_test

import (
	"encoding/json"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goMod is what go.mod says.
type goMod struct {
	Module  struct{ Path string }
	Require []struct {
		Path, Version string
		Indirect      bool
	}
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
	Exclude []any
}

// readGoMod reads the go.mod of the module in a folder.
func readGoMod(t *testing.T, dir string) goMod {
	t.Helper()
	name := filepath.Join(root, filepath.FromSlash(dir), "go.mod")
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", name).Output()
	require.NoError(t, err)
	var read goMod
	require.NoError(t, json.Unmarshal(out, &read))
	return read
}

// What needs more modules is a module of its own.
func TestTheRootModuleRequiresFourModules(t *testing.T) {
	gomod := readGoMod(t, ".")
	require.NotEmpty(t, gomod.Require)
	for _, r := range gomod.Require {
		if !r.Indirect {
			require.Contains(t, []string{
				"golang.org/x/sync", "github.com/golang-jwt/jwt/v5", "github.com/stretchr/testify", "go.uber.org/goleak",
			}, r.Path, "go.mod requires it directly")
		}
	}
	require.Empty(t, gomod.Replace, "a published go.mod has no replace")
	require.Empty(t, gomod.Exclude)
}

func TestModulesAreWhereTheirPathsSayAndRequireOneRelease(t *testing.T) {
	var below []string
	require.NoError(t, fs.WalkDir(repository, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "go.mod" && name != "go.mod" {
			below = append(below, path.Dir(name))
		}
		return err
	}))
	for _, dir := range append(below, ".") {
		gomod := readGoMod(t, dir)
		require.Equal(t, path.Join(module, dir), gomod.Module.Path)
		for _, r := range gomod.Require {
			if strings.HasPrefix(r.Path, module) {
				require.Equal(t, release, r.Version, "%s requires another release of %s", dir, r.Path)
			}
		}
		for _, r := range gomod.Replace { // who depends on a module doesn't see its replacements
			require.Equal(t, path.Join(module, dir, r.New.Path), r.Old.Path, dir)
		}
	}
	for _, dir := range modules {
		require.Contains(t, below, dir)
	}
	others := []string{
		"examples/gogithub", "examples/users", "examples/workloadid",
		"internal/peerbench", "internal/clienttest", "internal/soak", "internal/newgh", "internal/octokit",
	}
	require.Subset(t, slices.Concat(modules, others), below, "a new module: say here whether others can use it")
}
