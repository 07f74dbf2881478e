//go:build !linux

package process

import "syscall"

// endsWithParent returns nil: no other system has a child be killed with its
// parent.
func endsWithParent() *syscall.SysProcAttr { return nil }
