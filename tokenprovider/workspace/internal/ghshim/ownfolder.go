package ghshim

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/molecule-ai/provisionkit/internal/plainfile"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

const (
	envFolder = "GH_CONFIG_DIR"

	hostsFile    = "hosts.yml"
	settingsFile = "config.yml"
	// ownFile is a file of ours in a folder of ours, with the person's folder
	// as its content.
	ownFile = "provisionkit-own"
)

// ownFolder returns the folder of the person's configuration of gh; "" if the
// environment names none, or one that the repository at hand could bring. In
// what gh starts the environment names ours, which isOurs tells.
func ownFolder(p *process.Process) (path string, isOurs bool) {
	path = p.Env(envFolder)
	if path == "" {
		path = defaultFolder(p)
	} else if filepath.IsAbs(path) {
		own, err := plainfile.Read(filepath.Join(path, ownFile), plainfile.Most)
		if err == nil && (len(own) == 0 || filepath.IsAbs(string(own))) {
			path, isOurs = string(own), true
		}
	}
	if !filepath.IsAbs(path) {
		path = ""
	}
	return path, isOurs
}

// defaultFolder returns where gh looks when it isn't told.
func defaultFolder(p *process.Process) string {
	if dir := p.Env("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "gh")
	}
	if dir := p.Env("AppData"); dir != "" {
		return filepath.Join(dir, "GitHub CLI")
	}
	return filepath.Join(p.Env("HOME"), ".config", "gh")
}

// StoredLogin returns the file in which gh keeps logins, and what is in it, if
// it may have one for host; "" if not. A file that can't be read may have any.
func StoredLogin(p *process.Process, host string) (path string, content []byte) {
	own, _ := ownFolder(p)
	if own == "" {
		return "", nil
	}
	path = filepath.Join(own, hostsFile)
	content, err := plainfile.Read(path, plainfile.Most)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !mayLogIn(string(content), host) {
		return "", nil
	}
	return path, content
}
