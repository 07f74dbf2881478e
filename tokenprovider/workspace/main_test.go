package workspace_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testutil.MoreInParallel()
	goleak.VerifyTestMain(m, goleak.Cleanup(testutil.Exit))
}

// Short names for what these tests use most.
var (
	call        = workspacetest.Call
	start       = workspacetest.Start
	process     = workspacetest.Process
	run         = workspacetest.Run
	program     = workspacetest.Program
	newPlatform = workspacetest.NewPlatform
)

type result = workspacetest.Result

const (
	request    = workspacetest.Request
	firstToken = workspacetest.FirstToken
)
