package platform_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Short names for what these tests use most.
var (
	call        = workspacetest.Call
	newPlatform = workspacetest.NewPlatform
)

type result = workspacetest.Result

const request = workspacetest.Request
