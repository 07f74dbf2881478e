package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
)

// Programs returns the paths of the programs called name along PATH, in its
// order. A folder that isn't absolute is passed over: it would be one of the
// repository at hand.
func (p *Process) Programs(name string) []string {
	var found []string
	for _, folder := range filepath.SplitList(p.Env("PATH")) {
		if !filepath.IsAbs(folder) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			found = append(found, path)
		}
	}
	return found
}

// Find returns the path of the program that a shell would run for name.
func (p *Process) Find(name string) (string, error) {
	if filepath.Base(name) != name { // it has a folder
		return exec.LookPath(name)
	}
	if found := p.Programs(name); len(found) > 0 {
		return found[0], nil
	}
	for _, folder := range filepath.SplitList(p.Env("PATH")) {
		if !filepath.IsAbs(folder) {
			continue
		}
		if _, err := exec.LookPath(filepath.Join(folder, name)); errors.Is(err, fs.ErrPermission) {
			return "", err
		}
	}
	return "", fmt.Errorf("exec: there is no %q on the PATH: %w", name, fs.ErrNotExist)
}
