// Package provisionkit is the map of the module
// github.com/molecule-ai/provisionkit, a library for platforms that start
// workspaces (containers, virtual machines, agents) in which git, gh and every
// other tool that needs a short-lived token work for as long as the workspace
// lives. The package itself exports nothing.
//
// # Why no token lies in a workspace
//
// Just before a workspace starts, plugins write variables into its environment;
// one of them injects a token, such as a GitHub App installation token in
// GH_TOKEN. That token lives for an hour. Two ways to replace it there don't
// work:
//
//   - The environment of a running process can't be changed from outside, and
//     its children inherit the dead token. Files that are rewritten in every
//     workspace in time need a second system, which can fail unseen.
//   - A token that lives longer is a bigger secret in a place that many processes
//     can read.
//
// So a workspace gets at its start a bearer that says which workspace it is,
// and is good for nothing else. With it, git and API clients go through the
// platform's gateway, which adds the token outside the workspace. Where a
// gateway can't be used, the workspace pulls: git's credential helper asks the
// platform for a token whenever git needs one. The platform decides by the
// bearer alone what that workspace may have. It keeps the tokens fresh in one
// place, and the private key that they are made with never leaves it. A token
// can still be injected for tools that read only the environment: it serves
// them for the first hour, and nothing else depends on it.
//
// # The packages
//
// On the platform:
//
//   - [github.com/molecule-ai/provisionkit/provisionhook]: plugins change a
//     workspace's environment before it starts (EnvMutator); the Registry runs
//     them as one transaction and finds the one that provides tokens.
//   - [github.com/molecule-ai/provisionkit/tokenprovider]: what a live token is
//     (TokenProvider, one method), and the Cache that keeps one fresh for any
//     number of callers. The other packages are built on it.
//   - [github.com/molecule-ai/provisionkit/githubapp]: GitHub App installation
//     tokens, the reference provider and plugin.
//   - [github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp]: the endpoint
//     from which a workspace pulls its token, who may ask (Authenticator,
//     WorkspaceKey), and the Client that asks.
//   - [github.com/molecule-ai/provisionkit/tokenprovider/gateway]: the forge
//     behind a host name of the platform's own, so that no token enters a
//     workspace. Package github.com/molecule-ai/provisionkit/githubapp/forge
//     connects it to GitHub.
//
// Modules of their own, each with a go.mod, for platforms that need them:
//
//   - github.com/molecule-ai/provisionkit/tokenprovider/redisstore: tokens shared
//     between the platform's replicas.
//   - github.com/molecule-ai/provisionkit/tokenprovider/tokenprom: metrics of
//     token providers for Prometheus.
//   - github.com/molecule-ai/provisionkit/tokenprovider/workloadid: workspaces
//     that prove who they are with an identity that Kubernetes, an OIDC issuer
//     or SPIFFE gave them.
//   - github.com/molecule-ai/provisionkit/tokenprovider/oauth2token: tokens of
//     the people who own workspaces, by OAuth 2 refresh with rotation.
//
// In the workspace:
//
//   - [github.com/molecule-ai/provisionkit/tokenprovider/gitcredential]: git's
//     credential protocol, and the plugin that configures git by environment
//     variables alone.
//   - [github.com/molecule-ai/provisionkit/tokenprovider/workspace]: what the
//     command git-credential-provisionkit does. The command itself is in the
//     folder below it.
//
// For tests:
//
//   - [github.com/molecule-ai/provisionkit/provisionhook/provisionhooktest] and
//     [github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest]: check
//     a plugin or a provider against each rule of its contract.
//   - [github.com/molecule-ai/provisionkit/githubapp/githubapptest]: a fake GitHub,
//     a real server with an API and with git repositories, whose tokens live as
//     long as a test wants them to.
//
// The interfaces EnvMutator and TokenProvider are frozen and use
// standard-library types only, so a plugin implements them without importing
// this module. For each further ability of a plugin there is an optional
// interface.
//
// # Where to start
//
// To see it work, with git and no account:
//
//	go run github.com/molecule-ai/provisionkit/examples/quickstart@latest
//
// To embed it, copy examples/platform: a server in one file, with the real GitHub
// or with the fake. To write a plugin, copy examples/plugin, which imports nothing
// of this module. The folder docs has a guide for each: for platform engineers,
// for plugin authors, and for the operators of what they build.
package provisionkit
