//go:build unix

package process

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Replace puts the program at path in the place of the real process. It returns
// only when the program can't be started.
func Replace(path string, argv, environ []string) error {
	return syscall.Exec(path, argv, environ)
}

// endBy ends this process by a signal. It returns only when that is ignored.
func endBy(s syscall.Signal) {
	signal.Reset(s)
	if syscall.Kill(os.Getpid(), s) == nil {
		time.Sleep(time.Second) // until it arrives
	}
}
