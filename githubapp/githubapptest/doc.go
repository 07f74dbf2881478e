// Package githubapptest is a fake GitHub for tests and demonstrations: a real
// server on a loopback port with the REST API of GitHub Apps, and with git over
// HTTP(S), which the real git http-backend serves. It is for code that mints,
// refreshes or uses installation tokens, with this module or without it. It
// imports no other public package of this module, and needs no *testing.T.
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
// Give the client under test github.URL as its base URL, app.AppID and
// app.PrivateKey() as the app's identity, app.InstallationID, and
// [Server.Client] or [Server.CertPEM] to trust the server; give git
// app.GitURLs[0]. For an app with a key of the test's own, other accounts and
// other permissions use [Server.AddApp], [Server.AddInstallation] and
// [Server.AddRepository].
//
// # What is real
//
// An app's JWT is verified as GitHub does: signature, issuer and times. A token
// works from its mint to the second of its announced expiry, for the
// repositories and permissions that it was minted for. Every request of git is
// checked anew; a push that changes workflows needs the permission for that.
// Calls of REST and GraphQL change files, branches, tags, merges and releases
// in the repositories that git serves; [Server.AddPullRequest] opens a pull
// request to merge. Refusals have the status and the text that GitHub answers
// with. Answers have GitHub's headers: the request's id, the rate limit, and
// the date by the server's own clock, which [Server.SetClockOffset] changes.
//
// # What goes wrong
//
// A test changes state behind a client's back with [Server.Suspend],
// [Server.Uninstall], [Server.RotateKeys], [Server.RevokeToken],
// [Server.RefuseToken], [Server.RenameRepository],
// [Server.SetPropagationDelay], [Server.SetRateLimit],
// [Server.SunsetAPIVersion]. All other faults are a [Fault], which
// [Server.Fail] applies to the requests that a [Rule] describes: GitHub's
// refusals, rate limits with and without hints, a proxy's clock, pages of HTML,
// answers that hang, break off or never end, and mints with a wrong answer.
//
// With [Options].InMemory the server runs in a bubble of testing/synctest: a
// token's hour, or a client that is kept waiting, takes no time.
//
// # Git LFS
//
// Repositories have Git LFS: batches, locks, and a storage on a port of its own
// whose signed URLs refuse an Authorization header, as S3 does.
// [Server.Requests] doesn't have requests to the storage. With
// [Options].InMemory there is no Git LFS.
//
// # With gh
//
// The real gh works with the server, through a unix socket that
// [Server.ListenUnix] opens: gh api, gh auth status, gh repo view and gh repo
// clone, with the GraphQL that they use. /graphql runs any query on the viewer,
// who is the app's bot, and on a repository, and the mutations that move its
// branches. A field of GitHub that it doesn't have is refused like one that
// doesn't exist. For what a token may not see the answer has status 200 and an
// error of type FORBIDDEN.
//
// # People
//
// [Server.AddUser] adds a person, who signs in to an app that then acts in
// their name: by the device flow, which [Server.Approve] and [Server.Deny]
// answer, or by the web flow. Both have a page for a browser. The user access
// token (ghu_) may do with the API, GraphQL and git what both the person and an
// installation of the app may do. Its commits by the API, pull requests and
// comments are the person's. It lives for 8 hours, and its refresh token (ghr_)
// works once and lives for 15,897,600 seconds, six months;
// [Server.SetUserTokenLife], [Server.SetUserTokenExpiry] and
// [Server.RevokeGrant] change that. With [Lost] a refresh happens whose answer
// never arrives. A sign-in by the device flow:
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
// [Server.SetWebhook] sets the URL to which the server sends deliveries about
// an app's installations, signed as GitHub's are. [Server.NewDelivery] makes a
// delivery of any [Event], which [Server.Deliver] sends: once, twice, late or
// altered.
//
// # What was asked
//
// [Server.Requests] returns a log of all requests, with the SHA-256 of tokens,
// as in GitHub's audit log. [Server.Mints] and [Server.Signatures] count what a
// client should do rarely. A request that no correct client sends (without a
// User-Agent, with a token in place of a JWT, with a JWT of a foreign key) is
// answered as GitHub answers it, and also passed to [Options].OnBreach, so that
// a test can fail at the cause:
//
//	githubapptest.Options{OnBreach: func(r githubapptest.Request) {
//		t.Errorf("%s %s: %s", r.Method, r.Path, r.Breach)
//	}}
//
// # What it is faithful to
//
// Every answer of the REST API and every delivery of a webhook is valid by
// GitHub's OpenAPI description, with the members that it requires and no
// others. ghinstallation, go-github and golang.org/x/oauth2 work with the
// server unchanged. The tests in internal/clienttest of this module's
// repository check both. Texts and headers, which aren't in the description,
// are those of GitHub's documentation and of public reports.
//
// # What it isn't
//
// It has no issues, and no web pages but those for a sign-in, where everybody
// is believed. A pull request is between branches of one repository, and has
// comments but no reviews. A release is its tag. Everything but commits is held
// in memory. It listens on 127.0.0.1 only.
//
// Where GitHub's behaviour isn't documented the server has one of its own, which
// a client must not depend on:
//
//   - A mint always adds metadata: read, and lists repositories only when it was
//     narrowed to some. Revocation and suspension work at once.
//   - The texts for an unknown permission, too many repositories, and an API
//     version that is unknown or has ended are its own.
//   - There are no secondary rate limits but [SecondaryLimit], [AbuseDetection]
//     and, for mints, [Options].MintsPerMinute.
//   - The API version 2026-03-10 differs only in the 202 for an uninstall.
//     Filters such as outdated are ignored, and so are the author and committer
//     of a change of contents.
//   - In a sign-in a client's credentials have to be parameters, as documented.
//     A poll of the device flow may come up to a second early. A user's token
//     doesn't reach the repositories of a suspended installation, and
//     repository_id doesn't narrow one. No webhook tells of a revoked grant.
//   - A merge is a merge commit whatever the method asked for, and needs git
//     2.38. To update a pull request's branch, or to merge it automatically,
//     which happens at once, pull_requests: write is enough. GitHub may ask for
//     more.
package githubapptest
