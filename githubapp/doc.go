// Package githubapp hands out GitHub App installation tokens: cached and fresh,
// shared between replicas, and narrowed to a [Scope].
//
// # Start
//
//	opts, err := githubapp.OptionsFromEnv(os.Getenv) // GITHUB_APP_ID, ...
//	app, err := githubapp.New(opts)
//	installation := app.Installation(id)
//	token, expiresAt, err := installation.Token(ctx)
//
// Make one [App] for the whole process: it holds the key, the JWT that proves
// who the app is, and a cached token for each installation and scope. An
// [Installation] hands out the tokens of one installation; the same id and
// Scope give the same one. [NewMutator] makes it a plugin that writes
// GITHUB_TOKEN and GH_TOKEN into a workspace's environment.
// [NewWorkspaceMutator] gives each workspace a token of its own, with the scope
// that a [ScopePolicy] allows. [App.FindInstallation] finds the id for an owner
// or a repository, and [App.WebhookHandler] drops tokens as soon as GitHub says
// that they are dead.
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
// Replicas of a platform share tokens through [Options].Store, where they are
// sealed: one replica mints a token, and all of them use it. A webhook that
// reaches one replica, or a mint that finds an installation gone, drops its
// tokens in the store for all; a replica that still holds one in memory learns
// of it when the token is reported or refreshed. Any replica can release a
// workspace that others served. A store that is down costs mints; only
// [WorkspaceMutator.ReleaseWorkspace] returns an error for it.
//
// # What it promises
//
//   - Every method is safe for concurrent use, and none holds a lock while it
//     waits for the network or a signer.
//   - One JWT serves all installations until it ages out, and one mint all
//     callers of an installation.
//   - What concerns the app as a whole (a rate limit, a key or clock that is
//     refused, GitHub being down) is found out once for all installations. The
//     number of requests doesn't depend on the number of callers.
//   - A token is replaced in the background ahead of its expiry. While a live
//     one is held, no caller sees an error. See [tokenprovider.Cache].
//   - Errors are a [*tokenprovider.Error] with a code to branch on. If GitHub
//     answered, there is an [*APIError] in it, with GitHub's message, the
//     status and the id of the request.
//   - A signer, an HTTP client, a policy, a store or a logger that panics or
//     hangs harms no other caller.
//   - No token, key, JWT or response body is in an error, a log line, or the
//     printed form of any type of this package.
//
// # What it refuses
//
//   - A token that is wider than the scope that was asked for.
//   - A scope with an empty list, which GitHub would take for everything.
//   - To send a credential anywhere but to the scheme, host and port of
//     [Options].BaseURL, even after a redirect.
//
// The documents behind it are GitHub's "Generating a JSON Web Token (JWT) for a
// GitHub App", "Generating an installation access token for a GitHub App",
// "Rate limits for the REST API", and "Validating webhook deliveries".
package githubapp
