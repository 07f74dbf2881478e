package workspacetest

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"go.uber.org/goleak"
)

// Main runs the tests of a package, many at once since they wait for programs
// most of the time, and looks for goroutines that are left.
func Main(m *testing.M) {
	testutil.MoreInParallel()
	goleak.VerifyTestMain(m, goleak.Cleanup(testutil.Exit))
}
