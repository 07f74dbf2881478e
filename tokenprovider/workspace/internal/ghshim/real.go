package ghshim

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// usualFolders returns where gh is installed: a workspace may have a PATH with
// little on it.
func usualFolders() []string {
	return []string{
		"/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin",
		`C:\Program Files\GitHub CLI`,
	}
}

// Real returns the path of the gh that this program stands before.
func Real(p *process.Process) (string, error) {
	if path := p.Env(wire.EnvGH); path != "" {
		return path, check(path)
	}
	candidates := p.Programs("gh")
	for _, folder := range usualFolders() {
		if path, err := exec.LookPath(filepath.Join(folder, "gh")); err == nil {
			candidates = append(candidates, path)
		}
	}
	for _, path := range candidates {
		if !self.Is(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no gh on the PATH but this program: "+
		"install gh, or set %s to its path: %w", wire.EnvGH, fs.ErrNotExist)
}

// check returns what is wrong with a gh that was named.
func check(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New(wire.EnvGH + " must be an absolute path")
	}
	if _, err := exec.LookPath(path); err != nil {
		return fmt.Errorf("%s: %w", wire.EnvGH, err)
	}
	if self.Is(path) {
		return errors.New(wire.EnvGH + " must be the real gh: it leads back to this program")
	}
	return nil
}

// maxDepth bounds how often the shim is called on the way to gh. Aliases,
// extensions and the git that gh starts call gh again, a few times at most.
const maxDepth = 8

// nextDepth returns the value of [wire.EnvGHDepth] for gh, or an error if gh
// leads back here without end, as a script does that is taken for the real one.
func nextDepth(p *process.Process) (string, error) {
	depth, err := strconv.Atoi(p.Env(wire.EnvGHDepth))
	if err != nil {
		depth = 0
	}
	if depth >= maxDepth {
		return "", fmt.Errorf("gh leads back to this program again and again: "+
			"set %s to the path of the real gh", wire.EnvGH)
	}
	return strconv.Itoa(depth + 1), nil
}
