package testutil

import (
	"os"
	"os/exec"
	"testing"
)

// NeedTool is the path of a program that a test can't do without. Where it is missing the test is skipped with the
// reason, or fails when CI=true: there a skipped test would be a check that nobody makes.
func NeedTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: %v", name, err)
	}
	t.Skipf("%s is not installed: %v", name, err)
	return ""
}
