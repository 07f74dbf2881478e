// Package githubapptest is a GitHub of one's own for tests and demonstrations:
// a real server on a loopback port with the REST API of GitHub Apps, and with
// git over HTTP(S), which the real git http-backend serves. It is for whoever
// writes something that mints, refreshes or spends installation tokens, with
// this module or without it: it imports nothing else of it, and it needs no
// *testing.T.
//
// # Start
//
//	github, err := githubapptest.NewServer(&githubapptest.Options{
//		TLS: true, TokenLife: 2 * time.Second,
//	})
//	if err != nil { ... }
//	defer github.Close()
//
//	app, err := github.SetUp("acme/widgets") // app, installation, repository
//	if err != nil { ... }
//
// A client then gets github.URL as its base URL, app.AppID and app.PrivateKey()
// as the app's identity, app.InstallationID, and [Server.Client] or
// [Server.CertPEM] to trust the server; git gets app.GitURLs[0]. An app with a
// key of the test's own, other accounts and other permissions come from
// [Server.AddApp], [Server.AddInstallation] and [Server.AddRepository].
//
// # What is real
//
// Nothing is taken on trust. An app's JWT is verified as GitHub does,
// signature, issuer and times; a token works from its mint to the very second
// of its announced expiry, for the repositories and permissions it was minted
// for, and every request of git is checked anew; a push that changes workflows
// takes the permission for that. Files, branches, tags, merges and releases
// change in the repositories that git serves, by REST and by GraphQL's
// mutations; [Server.AddPullRequest] makes something to merge. A breach of the
// contract gets the status and the text that GitHub answers with. The headers
// are there too: the request's id, the rate limit, the date by the server's own
// clock, which [Server.SetClockOffset] sets wrong.
//
// # What goes wrong
//
// State changes behind a client's back: [Server.Suspend], [Server.Uninstall],
// [Server.RotateKeys], [Server.RevokeToken], [Server.RefuseToken],
// [Server.RenameRepository], [Server.SetPropagationDelay],
// [Server.SetRateLimit], [Server.SunsetAPIVersion]. Anything else is a [Fault],
// which [Server.Fail] gives to the requests that a [Rule] describes: GitHub's
// own refusals, rate limits with and without hints, a proxy's clock, pages of
// HTML, answers that hang, break off or never end, and mints that lie.
//
// With [Options].InMemory all of that happens in a bubble of testing/synctest:
// a token's hour, or a client that is kept waiting, takes no time.
//
// # Git LFS
//
// Repositories have Git LFS: batches, locks, and a storage on a port of its own
// whose signed hrefs refuse an Authorization, as S3 does. The server logs no
// requests to the storage. One in memory has none.
//
// # With gh
//
// The real gh works against the server, through a unix socket that
// [Server.ListenUnix] opens: gh api, gh auth status, gh repo view and gh repo
// clone, with the GraphQL that they ask. /graphql runs any query on the viewer,
// who is the app's bot, and on a repository, and the mutations that move its
// branches; a field that it doesn't have, although GitHub has, is refused as
// one that doesn't exist. What a token may not see is an error of type
// FORBIDDEN in the answer, whose status is 200.
//
// # People
//
// [Server.AddUser] adds a person, who signs in to an app and has it act in
// their name: by the device flow, which [Server.Approve] and [Server.Deny]
// answer, or by the web flow. Both have a page for a browser. The user access
// token (ghu_) that this brings does with the API, GraphQL and git what both
// the person and an installation of the app may do, and what it does is the
// person's: commits of the API, pull requests, comments. It lives for 8 hours,
// and its refresh token (ghr_) renews it once; [Server.SetUserTokenLife],
// [Server.SetUserTokenExpiry] and [Server.RevokeGrant] change that, and [Lost]
// has a refresh happen whose answer never arrives:
//
//	github.AddUser(githubapptest.User{Login: "alice", Access: map[string]string{"acme": "write"}})
//	config := &oauth2.Config{ClientID: app.ClientID, Endpoint: oauth2.Endpoint{
//		DeviceAuthURL: github.URL + "/login/device/code",
//		TokenURL:      github.URL + "/login/oauth/access_token",
//		AuthStyle:     oauth2.AuthStyleInParams,
//	}}
//	device, err := config.DeviceAuth(ctx)
//	err = github.Approve(device.UserCode, "alice")
//	token, err := config.DeviceAccessToken(ctx, device)
//
// # Webhooks
//
// [Server.SetWebhook] names the URL that is told what happens to an app's
// installations, in deliveries signed as GitHub's are. [Server.NewDelivery]
// makes one of anything that could happen, which [Server.Deliver] sends: once,
// twice, late or spoilt.
//
// # What was asked
//
// [Server.Requests] is a log of all requests, [Server.Mints] and
// [Server.Signatures] count what a client should do rarely. Tokens appear in it
// by their SHA-256 only, as in GitHub's audit log. What no correct client sends
// (no User-Agent, a token where a JWT belongs, a JWT by a foreign key) is
// answered as GitHub answers it, and besides told to [Options].OnBreach, so
// that a test fails at the cause and not at what comes of it:
//
//	githubapptest.Options{OnBreach: func(r githubapptest.Request) {
//		t.Errorf("%s %s: %s", r.Method, r.Path, r.Breach)
//	}}
//
// # What it is faithful to
//
// Every answer of the REST API is valid by GitHub's OpenAPI description, with
// the members that it requires and none besides; so is every delivery of a
// webhook; and ghinstallation, go-github and golang.org/x/oauth2 work against
// the server unchanged.
// internal/clienttest in this module's repository proves it at each change.
// Texts and headers, which the description doesn't have, are those of GitHub's
// documentation and of public reports.
//
// # What it isn't
//
// It is no GitHub to work with: there are no issues, and no web pages but those
// for a sign-in, where anybody is who they say; a pull request is of branches
// of one repository, has comments and no reviews; of a release there is its
// tag; and everything but commits is held in memory. It listens on 127.0.0.1
// only.
//
// Where GitHub's behaviour isn't documented, the server has one that a client
// must not depend on: a mint always adds metadata: read, it lists repositories
// only when it was narrowed to some, revocation and suspension work at once,
// and the texts for an unknown permission, too many repositories and an API
// version that is unknown or has ended are its own. Secondary rate limits come
// by [SecondaryLimit] and [AbuseDetection], and on mints by
// [Options].MintsPerMinute; other requests may be as many as they like. The API
// version of 2026-03-10 differs in nothing but the 202 for an uninstall, and
// filters such as outdated are ignored, as are the author and committer of a
// change of contents. A client's credentials for a sign-in are parameters, as
// documented, and nothing else; a poll of the device flow may come up to a
// second early; a suspended installation's repositories aren't there for a
// user's token; repository_id doesn't narrow one; and no webhook tells of a
// revoked grant. A merge is a merge commit whatever the method asked for, and
// takes git 2.38. To update a pull request's branch, and to merge it
// automatically, which happens at once, takes pull_requests: write alone:
// GitHub asks an app for more in places, and a platform mustn't count on it.
package githubapptest
