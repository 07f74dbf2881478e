//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package ghshim

import (
	"os"
	"syscall"
)

// lock reports whether no process had locked the folder. The lock ends with
// this process.
func lock(folder *os.File) bool {
	return syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
