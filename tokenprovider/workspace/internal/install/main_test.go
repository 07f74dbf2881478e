package install_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
)

func TestMain(m *testing.M) { workspacetest.Main(m) }

// Short names for what these tests use most.
var (
	process = workspacetest.Process
	run     = workspacetest.Run
	program = workspacetest.Program
)

type (
	result = workspacetest.Result
	logins = workspacetest.Logins
)
