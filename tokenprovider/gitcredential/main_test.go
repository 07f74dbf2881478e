package gitcredential_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testutil.MoreInParallel() // most of them wait for a helper's patience
	goleak.VerifyTestMain(m)
}
