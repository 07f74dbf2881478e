package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"
)

const (
	envGH = "PROVISIONKIT_GH" // the real gh, where it isn't the first on the PATH that is no shim

	// envDepth counts how often the shim was passed on the way here. Aliases, extensions and the git that gh starts call
	// gh again, a few times at most.
	envDepth = "PROVISIONKIT_GH_DEPTH"
	maxDepth = 8
)

// ghFolders are where gh is installed: a workspace may have a PATH with little on it.
var ghFolders = []string{"/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin", `C:\Program Files\GitHub CLI`}

// realGH is the path of the gh that this program stands before.
func (c *Command) realGH() (string, error) {
	if path := c.Env(envGH); path != "" {
		return path, checkGH(path)
	}
	candidates := c.programs("gh")
	for _, folder := range ghFolders {
		if path, err := exec.LookPath(filepath.Join(folder, "gh")); err == nil {
			candidates = append(candidates, path)
		}
	}
	for _, path := range candidates {
		if !isCommand(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no gh on the PATH but this program: install gh, or set %s to its path: %w", envGH, fs.ErrNotExist)
}

// checkGH says what is wrong with a gh that was named.
func checkGH(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New(envGH + " must be an absolute path")
	}
	if _, err := exec.LookPath(path); err != nil {
		return fmt.Errorf("%s: %w", envGH, err)
	}
	if isCommand(path) {
		return errors.New(envGH + " must be the real gh: it leads back to this program")
	}
	return nil
}

// nextDepth is the value of envDepth for gh, or an error if gh leads back here without end, as a script does that is
// taken for the real one.
func (c *Command) nextDepth() (string, error) {
	depth, err := strconv.Atoi(c.Env(envDepth))
	if err != nil {
		depth = 0
	}
	if depth >= maxDepth {
		return "", fmt.Errorf("gh leads back to this program again and again: set %s to the path of the real gh", envGH)
	}
	return strconv.Itoa(depth + 1), nil
}
