// Package workspace has the logic of the command git-credential-provisionkit,
// with which git and other tools in a workspace get a live token whenever they
// ask.
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
// Where the platform has a gateway, git and gh need no command, since the
// gateway's mutator configures them. It also sets PROVISIONKIT_GATEWAY, such as
// https://gateway.example: with that the shim of gh uses the gateway with the
// bearer in PROVISIONKIT_BEARER_FILE, and doctor checks the gateway.
//
// There is no default URL: without one the command prints an error. Git calls
// get, store, erase and capability. For people and scripts there is more:
//
//	git-credential-provisionkit token              print a token
//	git-credential-provisionkit exec -- CMD        run CMD with a live GH_TOKEN and GITHUB_TOKEN
//	git-credential-provisionkit gh pr list         run the real gh with a live token
//	git-credential-provisionkit install --system   configure git for good, link gh and git-askpass-provisionkit
//	git-credential-provisionkit doctor             tell what is wrong here, and what to do about it
//	git-credential-provisionkit help gh            say more about any of them
//
// Under the name gh the command is a shim that runs the real gh with a live
// token; without PROVISIONKIT_URL and PROVISIONKIT_GATEWAY it runs gh as it is.
// Under the name git-askpass-provisionkit it can be GIT_ASKPASS, where git
// can't have a helper.
//
// A program can have the command linked into it, so that it needs no second
// file:
//
//	if filepath.Base(os.Args[0]) == gitcredential.DefaultCommand {
//		os.Exit(workspace.Main())
//	}
//
// # What it promises
//
//   - A token is written to standard output whole or not at all, to the
//     environment of the program that exec or gh runs, and to gh's login for
//     hosts other than github.com. It is in no argument, URL, log or error. A
//     failure is one line on standard error that says what to do.
//   - The platform decides at each run, by the bearer alone, what the token may
//     reach. While it can't be asked, no other token is used. A token of the
//     person's own in GH_TOKEN is left there.
//   - The program that exec or gh runs gets their arguments, streams and
//     signals, and its exit code is theirs. Programs are found only in absolute
//     folders of PATH, so the repository at hand can't bring one.
//   - Only install writes to a disk, if the system has a place in memory for
//     gh's login. No run waits for another, and no bearer is renewed. So a
//     read-only file system, a full disk and a snapshot make no difference.
//   - A platform that can't be reached is asked again for 20 s in all
//     (PROVISIONKIT_RETRY): while it refuses or breaks connections, its name
//     can't be resolved, it doesn't answer, or it answers 502, 503 or 504.
//     Pauses are random. A Retry-After, also that of a 429, is kept to if it
//     fits into the time. After 5 s without an answer another request is sent
//     beside the first. Any other refusal is an error at once.
//   - A token that git reports as refused is reported to the platform once,
//     before git ends; if that fails, it is printed. A token is also reported
//     if gh ended with its exit code for authentication, or with 1 and the
//     forge refuses the token.
//   - The bearer is read again after the platform refused it, so that its file
//     may be replaced at any time.
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
// An operation of git needs one or two requests to the endpoint, which has a
// cache. To bridge longer outages the platform can put git's credential-cache,
// which is in memory, before the command; see
// gitcredential.MutatorOptions.CacheFor. It doesn't help gh.
//
// # What doctor says
//
// doctor prints a line for each check: its status, its name, and what it found,
// or what is wrong and what to do about it. With --json it prints
//
//	{"ok": false, "checks": [{"name": "url", "status": "error", "message": "..."}, ...]}
//
// A status is ok, warning (it works, but perhaps not for long or not for all
// programs), error, or skipped (something that the check needs is missing or
// wrong, as a check above says). If there is an error, ok is false and the exit
// code 1. Names and statuses don't change; messages are for people. A check
// takes ten seconds at most, and all of them thirty; programs that they run are
// ended by then, and their output is cut at 1 MiB.
//
// It checks that the platform answers, asks it for a token, and makes git
// itself get a credential. In a repository whose origin is at one of the hosts
// git also uses that credential at the forge. A gateway is asked with the
// bearer for a path that it doesn't have, and by git for origin. No setting is
// changed. A token that the forge refuses is reported to the platform. The
// output has no secret: a token is named by its tokenprovider.TokenSHA256, and
// a URL is shown without user name, password and query.
//
// # Who can read a token
//
// gh's login for hosts other than github.com is in a folder that only its user
// can open, in memory where the system has a place for that. The folder is
// removed when gh ends, or by the next gh if that one was killed. A process of
// the same user can read it, as it can read the bearer. Only another user, or a
// gateway that adds the token outside the workspace, keeps a token from such a
// process.
package workspace
