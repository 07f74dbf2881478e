// Package oauth2token keeps the tokens of people's sign-ins fresh: OAuth 2
// refresh tokens (RFC 6749, section 6), each of which may be used only once,
// and the access tokens that they are exchanged for. So a platform can act as a
// person: commits, pushes and pull requests have the person's name and rights.
//
//	config := &oauth2.Config{ClientID: id, ClientSecret: secret, Endpoint: endpoints.GitLab}
//	users, err := oauth2token.NewUsers(config, store, "gitlab", oauth2token.Options{SealKeys: keys})
//
//	// after the sign-in, with what config.Exchange returned:
//	err = users.User(owner).Set(ctx, token)
//
// [Provider] is a [tokenprovider.TokenProvider] of one person's token. [Users]
// has one for each owner of workspaces: registered with a
// provisionhook.Registry, it gives each workspace its owner's token through the
// token endpoint and the gateway. [TokenSource] and [FromTokenSource] convert
// between providers and the sources of golang.org/x/oauth2.
//
// It is a module of its own, so that only its users depend on
// golang.org/x/oauth2. It is for any forge: it only uses the token URL of an
// [oauth2.Config].
//
// # What it promises
//
// However many replicas there are, one of them exchanges a refresh token. The
// new one is stored, sealed, before the access token that came with it is
// served. If the forge refuses a refresh token, a replica looks at the store
// again before it believes that. Then the refusal is recorded in the store, no
// replica exchanges the token again, and each returns
// [tokenprovider.CodeUnauthenticated]: the person has to sign in again. The
// protocol, and what a crash at each step leaves, is at the top of protocol.go.
//
// A replica that is asked for a token looks at the store once in 5 s, and once
// in 30 s while that fails. Within that time it sees a sign-in or a sign-out at
// another replica, and a token that another one replaced: forges revoke the old
// access token when its refresh token is exchanged.
//
// While the store fails or hangs, the held access token is served for as long
// as it lives, and no refresh token is exchanged.
//
// # What it needs
//
// The store has to be durable: if it loses a refresh token, the person has to
// sign in again. For one on Redis see package redisstore. The clocks of
// replicas may differ by minutes: they compare nothing but the expiry of access
// tokens.
//
// # What it can't do
//
// If a process dies, or an answer is lost, after the forge exchanged a refresh
// token and before the new one is stored, nobody has the new one. The old one
// is tried once more. The forge then refuses it, and the person has to sign in
// again; the error says that an answer was lost.
//
// No error, log line, Status or printed form of any type holds a token or
// anything of an answer's body.
package oauth2token
