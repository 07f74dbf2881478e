package doctor_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
)

func TestMain(m *testing.M) { workspacetest.Main(m) }

// Short names for what these tests use most.
var (
	call        = workspacetest.Call
	start       = workspacetest.Start
	process     = workspacetest.Process
	run         = workspacetest.Run
	newPlatform = workspacetest.NewPlatform
)

type result = workspacetest.Result
