package tokenprovidertest_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
)

// TestContract shows what a plugin author writes, with a provider of their own
// in the place of Static.
func TestContract(t *testing.T) {
	tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider {
		return tokenprovider.Static("s3cret")
	})
}

func ExampleRun() {
	var t *testing.T // the parameter of a test function

	contract := func() {
		tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider {
			return tokenprovider.Static("s3cret")
		})
	}
	_ = contract // run by go test, as TestContract
	// Output:
}
