package oauth2token_test

import (
	"os"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(envVictim) != "" {
		victim()
		return
	}
	testutil.MoreInParallel()
	goleak.VerifyTestMain(m, goleak.Cleanup(testutil.Exit))
}
