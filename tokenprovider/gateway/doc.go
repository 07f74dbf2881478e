// Package gateway puts a forge behind the platform, so that no token of the
// forge enters a workspace.
//
// A [Gateway] answers under a host name of the platform's own as if it were the
// forge. Git, Git LFS, gh and API clients in a workspace send it their requests
// with the workspace's bearer. It checks who asks and what they may do, adds a
// token of the forge, and passes the request on. A token that never was in a
// workspace can't leak from it, outlive it, or expire in its environment.
//
// # How to start
//
//	hub, err := forge.GitHub("") // package githubapp/forge; github.com
//	allow, err := gateway.AllowRefs("refs/heads/agent/*")
//	gw, err := gateway.New(gateway.Options{
//		BaseURL: "https://github.platform.example", // its own host name
//		Forge:   hub,
//		Auth:    key, // a tokenhttp.WorkspaceKey
//		Admit:   workspaces.Admit,
//		Policy: func(ctx context.Context, p tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
//			return gateway.Grant{Provider: installation}, allow(op)
//		},
//	})
//
//	mutator, err := gw.Mutator(gateway.MutatorOptions{Key: key})
//	registry.Register(mutator) // configures git and gh in each workspace that starts
//
// # A request
//
//	git, gh            Gateway                                   refused with
//	  |                   |
//	  |  with the bearer  |  one reading?     path, host, headers   400, 421
//	  |------------------>|  who asks?        Options.Auth          401, 503
//	  |                   |  still there?     Options.Admit         403, 429, 503
//	  |                   |  what for?        Options.Forge         403
//	  |                   |  which refs?      of a push             403
//	  |                   |  may they?        Options.Policy        403, 429, 503
//	  |                   |  with which token? Grant.Provider       403, 502
//	  |                   |
//	  |                   |--- with the token, streamed --> forge
//
// A refusal has the forge's own form, so that clients show its sentence: JSON
// for the API, and text for git. For a push of refs that the policy doesn't
// allow, git shows "[remote rejected]". Such a push is refused as a whole, and
// nothing of it reaches the forge.
//
// # What it promises
//
//   - The bearer alone says who asks. It comes in the Authorization header with
//     the scheme Bearer or token, or as the password of Basic with any user
//     name. A token of the forge is refused with 401 and a sentence that says
//     so.
//   - No body is read before it is known who sends it, and no provider is asked
//     for a token before the policy has allowed the operation.
//   - The policy judges what the forge will do: a path or a body that could be
//     read in two ways is refused, and so is a request that the [Forge] doesn't
//     recognise.
//   - Only request headers that [Forge.Header] allows are passed on. Set-Cookie
//     headers of the forge are removed.
//   - Bodies are streamed both ways. Three are read before the policy is asked:
//     those of GraphQL and of an LFS batch, of at most 1 MiB, and the commands
//     of a push, of at most 4 MiB.
//   - A token that the forge refuses is reported to its provider
//     ([tokenprovider.Invalidate]). The request is sent once more with the next
//     token if none of its body was sent yet. A 401 of the forge never reaches
//     a workspace, where git would ask a person for a user name.
//   - A workspace that isn't admitted any more is refused with its next
//     request, and its running transfers are broken off after some 5 s. The
//     forge may still accept a pack that was sent whole.
//   - Each request makes one [AuditRecord]. No token, key or bearer is in a
//     log, a record or an answer.
//
// # What it can't do
//
// Rules for refs judge pushes, and the forge's API has ways around them.
// [AllowRefs] refuses the calls that are known to move refs. A token for the
// API that can't write contents ([GitAndAPI]) makes the forge refuse others.
// Protect the branches at the forge as well. The commands of a push don't show
// whether it rewrites history.
//
// Clients that know the forge's API by a fixed host name don't use the gateway,
// nor do clients of package registries.
package gateway
