//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package safefile

import (
	"io/fs"
	"os"
	"syscall"
)

// Owned reports whether a file belongs to the user of this process.
func Owned(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
