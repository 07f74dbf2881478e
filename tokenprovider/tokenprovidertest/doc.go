// Package tokenprovidertest checks that an implementation of
// [tokenprovider.TokenProvider] keeps the contract.
//
// A test of a provider needs one call; its factory makes a provider that can
// deliver tokens:
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
// [RunStore] does the same for a [tokenprovider.Store], of which it loses
// answers and gives up calls, and [NewStore] is one in memory, for tests of what
// shares tokens.
//
// What the kit can't see: how a provider behaves when its source fails, and
// whether it tells a token's true expiry. Both need a source that the kit
// doesn't know.
package tokenprovidertest
