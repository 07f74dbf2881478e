// Package oauth2token keeps what a person's sign-in brought alive: an OAuth 2
// refresh token (RFC 6749, section 6) that may be used once, and the access
// tokens that it is exchanged for. A platform then acts as the user: commits,
// pushes and pull requests have the person's own name and rights.
//
//	config := &oauth2.Config{ClientID: id, ClientSecret: secret, Endpoint: endpoints.GitLab}
//	users, err := oauth2token.NewUsers(config, store, "gitlab", oauth2token.Options{SealKeys: keys})
//
//	// after the sign-in, with what config.Exchange returned:
//	err = users.User(owner).Set(ctx, token)
//
// [Provider] is a [tokenprovider.TokenProvider] of one person's token. [Users]
// has one for each owner of workspaces: registered with a
// provisionhook.Registry it gives each workspace its owner's token, by the
// endpoint and by the gateway. [TokenSource] and [FromTokenSource] go between
// this module's providers and golang.org/x/oauth2's.
//
// It is a module of its own, so that only who uses it depends on
// golang.org/x/oauth2. It knows no forge: what it talks to is the token URL of
// an [oauth2.Config].
//
// # What it promises
//
// Any number of replicas exchange a refresh token once. The new one is stored,
// sealed, before the access token that came with it is served. That the forge
// refused a refresh token is believed only after another look at the store;
// then it is said once, on record, and no replica asks again:
// [tokenprovider.CodeUnauthenticated], sign in again. The protocol, and what a
// crash at each step leaves, is at the top of protocol.go.
//
// A replica that is asked for a token looks at the store once in 5 s, and once
// in 30 s while that fails. So long, and no longer, it may go on with what
// another one replaced: forges revoke the old access token when its refresh
// token is exchanged. A sign-in or a sign-out at one replica is seen by the
// others within that time.
//
// While the store fails or hangs the access token that is held is served on for
// as long as it lives, and nothing is exchanged.
//
// # What it needs
//
// The store has to be durable: a refresh token that it loses is a person who
// has to sign in again. One on Redis needs its append-only file, and more than
// one replica to confirm; see package redisstore. The clocks of replicas may
// differ by minutes: nothing but the expiry of an access token is compared
// between them.
//
// # What it can't do
//
// Where a process dies, or an answer is lost, between the exchange at the forge
// and its save, nobody has the new refresh token. The old one is tried once
// more. A forge that answered already refuses it then, and the person has to
// sign in again; the error says that an answer was lost.
//
// No error, log line, Status or text of any type here holds a token or anything
// of an answer's body.
package oauth2token
