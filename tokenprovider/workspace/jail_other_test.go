//go:build !unix

package workspace_test

import "os/exec"

// jail is nil: there is no such thing here.
var jail func(cmd *exec.Cmd, root string)
