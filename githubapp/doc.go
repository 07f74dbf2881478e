// Package githubapp hands out GitHub App installation tokens: live, shared, as
// narrow as asked for.
//
// # Start
//
//	opts, err := githubapp.OptionsFromEnv(os.Getenv) // GITHUB_APP_ID, ...
//	app, err := githubapp.New(opts)
//	installation := app.Installation(id)
//	token, expiresAt, err := installation.Token(ctx)
//
// An [App] is one for the whole process: it holds the key, the JWT that proves
// who the app is, and a cached token for each installation and scope. An
// [Installation] is a handle that is cheap to keep and has no state of its own
// that a caller could lose: the same id and [Scope] give the same one.
// [NewMutator] turns it into the plugin that writes GITHUB_TOKEN and GH_TOKEN
// into a workspace's environment; [NewWorkspaceMutator] gives each workspace a
// token of the scope that a [ScopePolicy] allows it. [App.FindInstallation]
// finds the id for an owner or a repository, and [App.WebhookHandler] learns at
// once when a token is dead.
//
// # From key to token
//
//	key, KMS --sign--> JWT of 9 minutes --mint--> token of an hour
//	                     |                          |
//	           one for all installations       a cache for each installation
//	                                           and scope: one mint for all of
//	401: the next key, or the clock            its callers
//	corrected, and once more                        |
//	                                           Options.Store, below the caches:
//	                                           one mint for all replicas
//
// # Replicas
//
// Replicas of a platform share tokens through [Options].Store: one mints, all
// use the token, which is sealed in the store. A webhook that reaches one of
// them, or a mint that finds an installation gone, drops its tokens there for
// all, and any replica can release a workspace that others served. A store that
// is down costs mints; it is an error only to whoever releases a workspace.
//
// # What it promises
//
//   - Every method is safe for concurrent use, and none holds a lock while it
//     waits for the network or a signer.
//   - One signature serves all installations until the JWT ages out, and one
//     mint all callers of an installation.
//   - What is true of the app as a whole (a rate limit, a key or clock that is
//     refused, GitHub being down) is asked once for all installations: how many
//     requests are made doesn't depend on how many callers there are.
//   - A token is replaced ahead of its expiry in the background; while a live
//     one is held, nobody sees an error. See [tokenprovider.Cache].
//   - Errors are a [*tokenprovider.Error] with a code to branch on, and hold an
//     [*APIError] when GitHub answered: its message, the status, the id of the
//     request.
//   - A signer, an HTTP client, a policy, a store or a logger that panics or
//     hangs does no harm to other callers.
//   - No token, key or JWT is in an error, a log line, or the print of any type
//     of this package. No response body is.
//
// # What it refuses
//
//   - A token that is wider than the scope that was asked for.
//   - A scope with an empty list, which GitHub would take for everything.
//   - To send a credential anywhere but to the scheme, host and port of
//     [Options].BaseURL, whatever a redirect says.
//
// The documents behind it are GitHub's "Generating a JSON Web Token (JWT) for a
// GitHub App", "Generating an installation access token for a GitHub App",
// "Rate limits for the REST API", and "Validating webhook deliveries".
package githubapp
