package local

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// IsHelper reports whether this process is git's credential helper: by
// [LinkHelper] a workspace finds the example itself under that name.
func IsHelper() bool {
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == gitcredential.DefaultCommand
}

// LinkHelper puts git's credential helper into dir: this program under another
// name. An image for workspaces would have the command
// git-credential-provisionkit on its PATH.
func LinkHelper(dir string) (path string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, gitcredential.DefaultCommand)
	if runtime.GOOS != "windows" {
		return path, os.Symlink(self, path)
	}
	path += ".exe"
	from, err := os.Open(self)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	return path, errors.Join(err, to.Close())
}
