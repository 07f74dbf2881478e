// Package provisionhooktest tests that a mutator keeps the contract of
// [provisionhook.EnvMutator].
//
// Call [Run] in a test of your own:
//
//	func TestContract(t *testing.T) {
//		provisionhooktest.Run(t, func(t *testing.T) provisionhook.EnvMutator {
//			return myplugin.New("https://service.example")
//		})
//	}
//
// Each rule is a subtest, and a failure quotes the rule. Run the test with
// -race as well: it finds a race between two calls, or with a goroutine that
// writes to the environment after MutateEnv has returned.
//
// A mutator that is a [provisionhook.TokenProvider] is tested for that by
// package tokenprovidertest.
package provisionhooktest
