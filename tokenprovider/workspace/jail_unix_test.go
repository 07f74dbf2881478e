//go:build unix

package workspace_test

import (
	"os/exec"
	"syscall"
)

// jail has cmd see root and what is in it as the whole file system.
var jail = func(cmd *exec.Cmd, root string) { cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root} }
