package process

import "syscall"

// endsWithParent has a child be killed with its parent, so that nothing is left
// of a program whose parent was.
func endsWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
