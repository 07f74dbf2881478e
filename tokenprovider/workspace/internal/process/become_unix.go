//go:build unix

package process

import "syscall"

// Replace puts the program at path in the place of the real process. It returns
// only when the program can't be started.
func Replace(path string, argv, environ []string) error {
	return syscall.Exec(path, argv, environ)
}
