// Package fleet has a test that lives a day of a fleet: workspaces of many
// organisations, a platform of three replicas over one store, and GitHub, which
// fails in all ways that it has. It takes no time: all of it is in a bubble of
// testing/synctest, with githubapptest in memory. The test says what GitHub was
// asked, against its limits, which operations were lost, and how much memory a
// workspace took. Every go test has a small fleet live six hours, in which come
// all faults. A large one, or a longer day, is lived by
//
//	go test ./internal/fleet -run Faults -v -timeout 2h -workspaces 100000 -hours 24
//
// What is simpler than in the world: an operation is one request, of the token's
// endpoint or of the gateway for a call of the API, and no git runs; a workspace
// calls the replica's handler without a connection, and only the platform's own
// requests to GitHub, and those that the gateway passes on, take one. A workspace
// works less than it might: it pulls once in 15 to 45 minutes, and calls by the
// gateway once in 1 to 3 hours. Of the tokens that are pulled each twentieth is
// tried at GitHub, and each organisation has one repository.
//
// A seed gives the same workspaces, the same faults and the same moments of work
// each time. What a cache draws at random, and who comes first within a moment,
// isn't the seed's: figures differ by some in a hundred.
package fleet
