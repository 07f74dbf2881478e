// Package tokenhttp serves live tokens to workspaces over HTTP, and has the
// client that pulls them.
//
// A token that is pushed into a workspace expires there. From this endpoint a
// workspace pulls a fresh one whenever it needs one, and authenticates with its
// own bearer.
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
// A [Handler] asks an [Authenticator] who calls, and a [Source] for the
// provider whose token the caller gets. [PerWorkspace] gives each workspace a
// token of its own; [FirstProvider] and [One] give all workspaces the same one.
// The [Mutator] puts the endpoint's URL and a bearer into each workspace that
// starts.
//
// # The bearer
//
// By default a bearer doesn't expire, because nothing in a workspace can be
// trusted to renew it. Instead [Options].Admit decides at each request whether
// its workspace is still admitted. A [Handler] without an Admit refuses bearers
// that never expire. [NewWorkspaceKey] says how to rotate the key that signs
// bearers. If that key leaks, start all workspaces again, or rewrite their
// bearers where [MutatorOptions].BearerFile is on a mount of the platform's.
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
// The bearer alone says who calls. A workspace gets its own token and no other:
// the id in the URL has to be the bearer's, and grants nothing. If the
// Authenticator or Admit fails, the request is refused. These are the answers
// and their codes:
//
//	200  {"token","expires_at","username"}; expires_at, in RFC 3339, is absent when it isn't known
//	400  invalid_request: min_ttl is no duration of zero or more, repository is not
//	     owner or owner/name, or a body is not git's
//	401  unauthenticated: no bearer or a wrong one, or one that never expires and no Options.Admit
//	403  forbidden: another workspace's id, refused by Options.Admit or the Source,
//	     or a host that isn't in Options.Hosts
//	404  not_configured: there is no provider, so trying again is pointless; not_found: no such path
//	405  invalid_request: a method other than GET and POST; HEAD would mint a token that nobody gets
//	406  invalid_request: git's format by GET, which has no body to name the host
//	429  rate_limited: by Options.Admit, with Retry-After
//	500  the provider failed, with its code, and Retry-After when it is known; internal: Options.Audit failed
//	503  unavailable: the Authenticator or Options.Admit failed, with Retry-After
//
// Checks run in this order, and the first that fails decides: 404 for the path,
// 405, 401 and 503 for the caller, 403 for the id, 403, 429 and 503 by Admit,
// 406, 400 for min_ttl and repository, 400 for the body, 403 for the host, 403
// and 404 by the Source, 404 and 500 by the provider. No body is read before
// the caller is known.
//
// A POST with Accept: application/x-git-credential has as its body the
// attributes that git gives a credential helper (git-credential(1)), and is
// answered with what the helper has to print: so an image without the helper
// needs only curl. Without a min_ttl such a request asks for ten minutes. A
// min_ttl of more than 30 minutes counts as 30 minutes. Every refusal is JSON.
//
// The path in git's attributes, or else the parameter repository, says which
// repository the token is wanted for. The Source and the provider get it by
// [tokenprovider.Repository], and it chooses only among what they allow.
//
// A header Provisionkit-Rejected with the [tokenprovider.TokenSHA256] of a
// token reports that git or an API refused it. Of several such headers the
// first 16 count. If the caller's token is one of them, it is reported with
// [tokenprovider.Invalidate], and the caller gets another one if the provider
// has one. The [Client] sends these headers after [Client.Invalidate].
//
// Each request to an endpoint makes one [AuditRecord]. A caller is told a code,
// a fixed sentence, and what is malformed in its own request; the reason is in
// the log. No token, key or bearer is in a log, an error, a URL or the printed
// form of any type.
//
// An Authenticator, a Source, a provider or a callback that panics or ends its
// goroutine counts as one that fails, and harms no other request. One that
// hangs delays its request until the caller leaves; [Options].Audit, or a body
// that doesn't come, delays it by 10 s at most.
//
// # What it refuses
//
// There is no Handler without an Authenticator. The [Client] follows no
// redirect, sends nothing over http to another machine unless
// [Client].AllowHTTP is set, sends no bearer with white space or a control
// character in it, and takes no answer of more than 64 KiB.
package tokenhttp
