//go:build unix

package process

import (
	"os"
	"os/exec"
	"syscall"
)

// inGroup has cmd lead a group of processes, all of which are killed when it is
// to end: git leaves its children to themselves.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != syscall.ESRCH {
			return err
		}
		return os.ErrProcessDone
	}
}
