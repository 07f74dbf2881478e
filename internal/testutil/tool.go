package testutil

import (
	"os/exec"
	"testing"
)

// NeedTool returns the path of a program that a test can't do without. Where it
// is missing the test is skipped with the reason. .ci/run has everything, and
// under CI=true fails when a test is skipped.
func NeedTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: %v", name, err)
	}
	return path
}
