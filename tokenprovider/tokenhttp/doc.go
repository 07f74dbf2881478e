// Package tokenhttp serves live tokens to workspaces over HTTP, and is the
// client that they pull them with.
//
// A token that is pushed into a workspace dies there. With this endpoint a
// workspace pulls a fresh one whenever it needs it, authenticated as itself.
//
// # The platform's side
//
//	key, err := tokenhttp.NewWorkspaceKey(secret) // at least 32 random bytes
//	admin, err := tokenhttp.AdminToken(token)
//	auth, err := tokenhttp.AnyOf(key, admin)
//	handler, err := tokenhttp.NewHandler(tokenhttp.PerWorkspace(registry), auth,
//		&tokenhttp.Options{Admit: admit})
//	handler.Mount(mux)
//
//	mutator, err := handler.Mutator(tokenhttp.MutatorOptions{
//		BaseURL: "https://platform.example",
//		Key:     key,
//	})
//	registry.Register(mutator)
//
// A [Handler] asks an [Authenticator] who calls and a [Source] which provider
// is theirs. [PerWorkspace] gives each workspace a token of its own,
// [FirstProvider] and [One] the same one to all. The [Mutator] puts the
// endpoint's URL and a bearer into each workspace that starts.
//
// # The bearer
//
// A bearer lives as long as its workspace, so that it doesn't become the token
// that dies: nothing in a workspace can be trusted to renew and to keep one.
// [Options].Admit is its judge at each request, and without an Admit none is
// accepted that never expires. A signing key can be taken away when the last
// workspace that started under it has ended; see [NewWorkspaceKey]. After its
// leak all workspaces start again, or get another bearer by
// [MutatorOptions].BearerFile on a mount that the platform writes anew.
//
// # The workspace's side
//
//	client := &tokenhttp.Client{
//		URL:    os.Getenv("PROVISIONKIT_URL"),
//		Bearer: tokenprovider.Env("PROVISIONKIT_BEARER"),
//	}
//	token, expiresAt, err := tokenprovider.NewCache(client, nil).Token(ctx)
//
// # A request
//
//	git      git-credential-provisionkit    Handler                      refused with
//	 |  get    |                              |
//	 |-------->|  GET /workspaces/ws-1/token  |
//	 |         |  Authorization: Bearer ...   |
//	 |         |----------------------------->|  who calls?     Authenticator  401, 503
//	 |         |                              |  with their id? the path       403
//	 |         |                              |  may they?      Options.Admit  403, 429, 503
//	 |         |                              |  whose token?   Source         403, 404, 500
//	 |         |                              |  a live one     its provider   404, 500
//	 |         |                              |  on record      AuditRecord    500
//	 |         |  200 {"token", ...}          |
//	 |password |<-----------------------------|
//	 |<--------|
//	 |
//	 +--- https, with the token ---> forge
//
// # What it promises
//
// Who calls is told by the bearer alone. A workspace gets its own token and no
// other; the id in the URL is compared with it and grants nothing. Whatever
// can't be decided is refused: an authenticator that fails, an admission that
// fails. The answers and their codes are fixed:
//
//	200  {"token","expires_at","username"}; expires_at is absent when it isn't known
//	400  invalid_request: min_ttl is not a duration of zero or more, repository is not
//	     owner or owner/name, or a body is not git's
//	401  unauthenticated; a bearer that never expires, too, where there is no Options.Admit
//	403  forbidden: another workspace's id, refused by Admit, or a host that isn't in Options.Hosts
//	404  not_configured: there is no provider, so trying again is pointless; not_found: no such path
//	405  invalid_request: HEAD too, which would mint a token that nobody gets
//	406  invalid_request: git's own text by GET, which has no body to say for which host
//	429  rate_limited, by Admit, with Retry-After
//	500  the provider failed, with its code, and Retry-After when it is known; internal: no record of it
//	503  unavailable: it couldn't be decided who calls or whether they may, with Retry-After
//
// Where several are true the first decides: 404 for the path, 405, 401 and 503
// for who calls, 403 for the id, 403, 429 and 503 of Admit, 406, 400 for
// min_ttl and repository, 400 for the body, 403 for the host, 404 for the provider, 500.
// Nothing that is refused before the provider's own answer costs a token, and
// no body is read before it is known who sent it.
//
// A POST of the attributes that git gives a credential helper, with Accept:
// application/x-git-credential, is answered with what the helper prints back:
// git in an image without any helper needs curl and no more. Such an answer
// asks for a token with ten minutes to live where min_ttl doesn't say
// otherwise. A refusal is JSON to everyone. A min_ttl of more than 30 minutes
// asks for 30 minutes.
//
// The path in git's attributes, or else the parameter repository, says which
// repository the token is wanted for. It reaches the Source and the provider by
// [tokenprovider.WithRepository], and chooses only among what those allow.
//
// A header Provisionkit-Rejected with the [tokenprovider.TokenSHA256] of a
// token says that git or an API refused it; there may be several, of which the
// first 16 count. A caller whose token is one of them gets the next one, unless
// its provider thinks the token too young to be judged, or can't drop it. The
// [Client] sends those that it was told with [Client.Invalidate].
//
// Each issue and each refusal is one [AuditRecord]. A caller learns a code, a
// fixed sentence, and what is malformed in its own request; an operator's log
// has the reason. No token, key or bearer is in a log, an error, a URL or the
// printed form of any type.
//
// An Authenticator, a Source, a provider or a callback that panics or ends its
// goroutine is answered like one that fails, and harms no other request. What
// hangs is waited for until its request ends; [Options].Audit, and a body that
// doesn't come, for 10 s.
//
// # What it refuses
//
// There is no Handler without an Authenticator, no token for a HEAD, no
// redirect followed, no http beyond the own machine unless it is allowed by
// name, no bearer with a line break in it, no answer over 64 KiB, and no JWT
// but those of [WorkspaceKey].
package tokenhttp
