// Package workspace is the logic of command git-credential-provisionkit, the
// workspace's side: git, and any other tool there, gets a live token whenever
// it asks.
//
// A workspace needs the command on its PATH and a few variables, which
// [tokenhttp.Mutator] and [gitcredential.Mutator] write before it starts:
//
//	PROVISIONKIT_URL=https://platform.example/workspaces/ws-1/token
//	PROVISIONKIT_BEARER_FILE=/run/provisionkit/bearer     or PROVISIONKIT_BEARER
//	PROVISIONKIT_HOSTS=github.com                         the default
//	PROVISIONKIT_ON_FAILURE=fallthrough                   the default, or quit
//	PROVISIONKIT_RETRY=20s                                the default; 0: the platform is asked once
//	PROVISIONKIT_CACHE_FOR=10m                            where git's own cache stands before the command; off by default
//	PROVISIONKIT_ALLOW_HTTP=1                             plain http to another machine; off by default
//
// Where the platform has a gateway, its mutator writes the variables, and git and
// gh need no command. With PROVISIONKIT_GATEWAY=https://gateway.example, which is
// one of them, gh as a shim goes to the gateway with the bearer of
// PROVISIONKIT_BEARER_FILE, and doctor looks at that way.
//
// There is no default URL: without one the command says so. Git calls get,
// store, erase and capability. For people and scripts there is more:
//
//	git-credential-provisionkit token              print a token
//	git-credential-provisionkit exec -- CMD        run CMD with a live GH_TOKEN and GITHUB_TOKEN
//	git-credential-provisionkit gh pr list         run the real gh with a live token
//	git-credential-provisionkit install --system   configure git for good, link gh and git-askpass-provisionkit
//	git-credential-provisionkit doctor             tell what is wrong here, and what to do about it
//	git-credential-provisionkit help gh            say more about any of them
//
// Under the name gh the command is a shim before the real gh, so that whoever
// types gh has a live token each time; without a platform it is as if it weren't
// there. Under the name git-askpass-provisionkit it is what GIT_ASKPASS takes,
// for where git can't have a helper.
//
// A program that has no other file to ship links the command into itself:
//
//	if filepath.Base(os.Args[0]) == gitcredential.DefaultCommand {
//		os.Exit(workspace.Main())
//	}
//
// # What it promises
//
//   - A token is on standard output whole or not at all, in the environment of
//     the one program that exec or gh runs, or in gh's login for hosts other
//     than github.com, and nowhere else: not in an argument, a URL, a log or an
//     error. What goes wrong is one line on standard error that says what to
//     do.
//   - The platform decides what the token may reach, from the bearer alone, at
//     each run. When it can't be asked there is no other, broader one. A token
//     that is the person's own, in GH_TOKEN, is left to them.
//   - What exec and gh run has their arguments, streams, signals and exit code,
//     though this process waits for gh, and ends as gh did. They find programs
//     in absolute folders of PATH alone: the repository at hand can't bring one.
//   - Nothing but install writes to a disk, where there is a place in memory for
//     gh's login; no run waits for another, and no bearer is renewed: a read-only
//     file system, a full disk, another user and a snapshot make no difference.
//   - A platform that isn't there is asked again for 20 s in all
//     (PROVISIONKIT_RETRY): while it refuses or breaks connections, has no name,
//     doesn't answer, or answers 502, 503 or 504. Pauses are drawn, a
//     Retry-After is kept to if it fits, of a 429 too, and after 5 s without an
//     answer there is another try beside the first. Any other refusal is told at
//     once.
//   - A token that git reports as refused is reported to the platform before
//     git ends, once; what of that fails is told. So is one with which gh ended
//     with its exit code for authentication, or with 1 where the forge refuses
//     it.
//   - The bearer is read again after the platform refused it, so that one in a
//     file may be replaced at any time.
//
// # Where a token comes from
//
//	git, gh, exec, token
//	  |
//	  |  GET the endpoint, with the bearer   ---200--->  it
//	  |  nobody there?  again, for 20 s      ---200--->  it
//	  v
//	an error in one line; git goes on to the next helper, or gives up (PROVISIONKIT_ON_FAILURE)
//
// An operation of git is one or two requests of the endpoint, whose cache
// answers them. To ride out longer outages the platform can put git's own
// cache, which is in memory, before the command (PROVISIONKIT_CACHE_FOR; see
// [gitcredential.Helper]): git then keeps a token for that long, the command
// isn't asked, and gh goes without.
//
// # What doctor says
//
// A line for each check: how it ended, its name, and what is or what is wrong
// and what to do about it. With --json it is
//
//	{"ok": false, "checks": [{"name": "url", "status": "error", "message": "..."}, ...]}
//
// A status is ok, warning (it works, and may not for long or not for all
// programs), error, or skipped: what it needs is wrong or not there, as a check
// above it says. ok is false, and the exit code 1, when there is an error. Names
// and statuses stay what they are; messages are for people. Each check has ten
// seconds, all of them have thirty; a program that they run ends by then, and has
// printed no more than 1 MiB.
//
// It looks whether the platform answers, asks it for a token, and has git
// itself fetch a credential and, in a repository whose origin is at one of the
// hosts, ask the forge with that; of a gateway it asks for what isn't there, with
// the bearer, and has git ask it for origin. No setting is changed. A token that the forge
// refuses is reported, as with any git. No secret is in what it says: a token is
// named by its [tokenprovider.TokenSHA256], and a URL is shown without user
// name, password and query.
//
// # Who can read a token
//
// gh's login for hosts other than github.com is in a folder of its user alone,
// in memory where the system has a place for that, which goes when gh ends; what
// is left of one that was killed goes with the next gh. A process of the same
// user can read that, as it can read the bearer. Only another user, or a proxy
// that adds the token outside, keeps a token from it.
package workspace
