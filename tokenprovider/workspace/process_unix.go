//go:build unix

package workspace

import "syscall"

// replaceProcess returns only when the program can't be started.
func replaceProcess(path string, argv, environ []string) error {
	return syscall.Exec(path, argv, environ)
}
