// Package tokenprovidertest checks that an implementation of
// [tokenprovider.TokenProvider] keeps the contract.
//
// Call [Run] in a test of your own, with a function that makes a provider that
// can deliver tokens:
//
//	func TestContract(t *testing.T) {
//		tokenprovidertest.Run(t, func(t *testing.T) tokenprovider.TokenProvider {
//			return myforge.NewProvider(startFakeForge(t).URL)
//		})
//	}
//
// Each rule is a subtest that makes a provider of its own, and each failure
// quotes the rule. Run the tests with -race: only then is the rule of
// concurrent use checked in full.
//
// [RunStore] does the same for a [tokenprovider.Store]. [NewStore] returns a
// Store in memory, for tests of code that needs one.
//
// Run can't test what a provider does when its source fails, nor whether the
// expiry that it returns is true.
package tokenprovidertest
