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
// -race: only then does it find data races between two calls, or with a
// goroutine that writes to the environment after MutateEnv has returned.
//
// If a mutator is also a [provisionhook.TokenProvider], test that with package
// tokenprovidertest.
package provisionhooktest
