// Package tokenhttp serves live tokens to workspaces over HTTP, and is the client that they pull them with.
//
// A token that is pushed into a workspace dies there. With this endpoint a workspace pulls a fresh one whenever it needs
// it, authenticated as itself.
//
// # The platform's side
//
//	key, err := tokenhttp.NewWorkspaceKey(secret) // at least 32 random bytes
//	handler, err := tokenhttp.NewHandler(tokenhttp.PerWorkspace(registry), tokenhttp.AnyOf(key, tokenhttp.AdminToken(admin)), nil)
//	handler.Mount(mux)
//
//	mutator, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: key})
//	registry.Register(mutator)
//
// A [Handler] asks an [Authenticator] who calls and a [Source] which provider is theirs. [PerWorkspace] gives each
// workspace a token of its own, [FirstProvider] the same one to all. The [Mutator] puts the endpoint's URL and a bearer
// into each workspace that starts, and [Renewer] is how that bearer doesn't become the token that dies.
//
// # The workspace's side
//
//	client := &tokenhttp.Client{URL: os.Getenv("PROVISIONKIT_TOKEN_URL"), Bearer: tokenprovider.Env("PROVISIONKIT_BEARER")}
//	token, expiresAt, err := tokenprovider.NewCache(client, nil).Token(ctx)
//
// # What it promises
//
// Who calls is told by the bearer alone. A workspace gets its own token and no other; the id in the URL is compared with
// it and grants nothing. Whatever can't be decided is refused: an authenticator that fails, an admission that fails, a
// panic in either. The answers and their codes are fixed:
//
//	200  {"token","expires_at","username"}; expires_at is absent when it isn't known
//	400  invalid_request: min_ttl is not a duration of zero or more
//	401  unauthenticated
//	403  forbidden: another workspace's id, or refused by Admit
//	404  not_configured: there is no provider, so trying again is pointless; not_found: no such path
//	405  invalid_request: HEAD too, which would mint a token that nobody gets
//	429  rate_limited, by Admit, with Retry-After
//	500  the provider failed, with its code, and Retry-After when it is known
//	503  unavailable: it couldn't be decided who calls or whether they may, with Retry-After
//
// Each issue and each refusal is one [AuditRecord]. A caller learns a code and a fixed sentence, an operator's log the
// reason. No token, key or bearer is in a log, an error, a URL or the printed form of any type.
//
// # What it refuses
//
// There is no Handler without an Authenticator, no token for a HEAD, no redirect followed, no http beyond the own machine
// unless it is allowed by name, no bearer with a line break in it, no answer over 64 KiB, and no JWT but those of
// [WorkspaceKey].
package tokenhttp
