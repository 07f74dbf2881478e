// Package gateway puts a forge behind the platform, so that no token of the
// forge enters a workspace.
//
// The platform answers under a host name of its own as if it were the forge.
// Git, Git LFS, gh and API clients in a workspace talk to it with the
// workspace's own bearer; it finds out who they are and whether they may, adds
// the token, and passes the request on. A token that never was in a workspace
// can't leak from it, outlive it, or grow old in its environment.
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
//	registry.Register(mutator) // wires git and gh in each workspace that starts
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
// for the API, text for git, and for a push of refs that the policy doesn't
// allow git's own "[remote rejected]". Such a push is refused as a whole, and
// nothing of it reaches the forge.
//
// # What it promises
//
//   - Who asks is told by the bearer alone, as Bearer, as token, or as the
//     password of Basic with any user name. A forge's own token is refused with
//     a sentence that says so.
//   - Nothing of a body is read before it is known who sends it, and no token is
//     asked for before the policy has allowed what for.
//   - What a policy is asked about is what the forge is asked for: a path or a
//     body that could be read in two ways is refused, and so is what the [Forge]
//     doesn't recognise.
//   - Only headers that the Forge lists go on. No cookie comes back.
//   - Bodies are streamed both ways; those of GraphQL and of an LFS batch, up to
//     1 MiB, and a push's commands, up to 4 MiB, are read first.
//   - A token that the forge refuses is reported to its provider, and a request
//     whose body isn't on its way is tried once more with the next one. A 401 of
//     the forge never reaches a workspace, where git would ask a person.
//   - A workspace that isn't admitted any more is refused with its next request,
//     and what it transfers is ended within 5 s or so of the moment. A pack that
//     was sent whole may still be accepted.
//   - Each operation is one [AuditRecord]. No token, key or bearer is in a log,
//     a record or an answer.
//
// # What it can't do
//
// The rules for refs are about pushes. The API has ways around them; [AllowRefs]
// refuses those that can be told, and a token with contents: read for the API
// ([GitAndAPI]) has the forge close the others. Protect the branches at the forge
// besides. Whether a push rewrites history can't be seen from its commands.
//
// Clients that know the forge's API by a fixed name, and package registries,
// don't come by here.
package gateway
