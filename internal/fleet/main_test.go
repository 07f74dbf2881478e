package fleet_test

import (
	"flag"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"go.uber.org/goleak"
)

// The flags of the large form.
var (
	workspacesFlag    = flag.Int("workspaces", testutil.Fewer(1000), "how many there are at a time")
	organisationsFlag = flag.Int("organisations", 0, "how many have them; 0: 200, and fewer of fewer workspaces")
	hoursFlag         = flag.Int("hours", 6, "how long the day is: a multiple of 6")
	seedFlag          = flag.Uint64("seed", 1, "of the workspaces and of the faults")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
