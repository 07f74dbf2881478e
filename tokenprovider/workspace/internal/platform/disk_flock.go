//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package platform

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/safefile"
)

// OpenFolder opens the first of the folders for what is kept that can be made
// or is there. It has to be this user's alone: whoever can write to it could
// hand out tokens, and whoever can read it could take them.
func OpenFolder(getenv func(string) string) (root *os.Root, err error) {
	for _, path := range folders(getenv) {
		if err = os.Mkdir(path, 0o700); err == nil || errors.Is(err, fs.ErrExist) {
			return safefile.OpenFolder(path)
		}
	}
	return nil, err
}

// folders returns where things may be kept, the best first: XDG_RUNTIME_DIR is
// in memory and ends with the session.
func folders(getenv func(string) string) []string {
	var paths []string
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		paths = append(paths, filepath.Join(dir, "provisionkit"))
	}
	temp := getenv("TMPDIR")
	if !filepath.IsAbs(temp) {
		temp = "/tmp"
	}
	return append(paths, filepath.Join(temp, "provisionkit-"+strconv.Itoa(os.Geteuid())))
}

// lock makes this process the only one that fetches and writes, once the ones
// before it are done or gone: the lock ends with its process. It is false after
// wait, at the end of ctx, and where nothing can be locked; the caller then
// goes on without writing.
func (d *Disk) lock(ctx context.Context, wait time.Duration) (unlock func(), locked bool) {
	if d == nil {
		return nil, false
	}
	file, err := d.root.OpenFile(d.key+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false
	}
	for deadline := time.Now().Add(wait); ; {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() {
				// A process that is being started meanwhile has the open file
				// for a moment, and would hold the lock.
				_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
				file.Close()
			}, true
		}
		busy := errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR)
		if !busy || ctx.Err() != nil || !time.Now().Before(deadline) {
			file.Close()
			return nil, false
		}
		time.Sleep(10 * time.Millisecond)
	}
}
