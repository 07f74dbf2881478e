package workspacetest

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"go.uber.org/goleak"
)

// Main runs the tests of a package, many at once since they wait for programs
// most of the time, and looks for goroutines that are left. What the tests start
// doesn't ignore a hangup, also where they run under nohup.
func Main(m *testing.M) {
	testutil.MoreInParallel()
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(testutil.Exit))
}
