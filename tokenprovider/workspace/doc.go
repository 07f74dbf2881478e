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
//	PROVISIONKIT_ALLOW_HTTP=1                             plain http to another machine; off by default
//
// There is no default URL: without one the command says so. Git then calls get,
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
// types gh has a live token each time. Under the name git-askpass-provisionkit
// it is what GIT_ASKPASS takes, for where git can't have a helper.
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
//   - The platform decides what the token may reach, from the bearer alone.
//     When it can't be asked, the token it gave last is used while it lives;
//     there is no other, broader one. A token that is the person's own, in
//     GH_TOKEN, is left to them.
//   - What exec and gh run has their arguments, streams, signals and exit code.
//     They find programs in absolute folders of PATH alone: the repository at
//     hand can't bring one.
//   - Commands that start together make one request. A token is kept on disk
//     until it expires, never longer, and is asked for again when less than ten
//     minutes of life are left, or half of the life it came with.
//   - A token that git reports as refused is dropped, and the next request
//     tells the platform which one it was.
//   - The bearer is renewed once half of its life is over, so that a workspace
//     outlives it, also while there is no token to be had. That never fails a
//     get.
//
// # Where a token comes from
//
//	git, gh, exec, token
//	  |
//	  |  one on disk that lives long enough?  ---yes--->  it
//	  |  no: one command at a time from here
//	  |  another command got one meanwhile?   ---yes--->  it
//	  |  GET the endpoint, with the bearer    ---200--->  it, and keep it on disk
//	  |  one on disk that lives?              ---yes--->  it
//	  v
//	an error in one line; git goes on to the next helper, or gives up (PROVISIONKIT_ON_FAILURE)
//
// # What doctor says
//
// A line for each check: how it ended, its name, and what is or what is wrong
// and what to do about it. With --json it is
//
//	{"ok": false, "checks": [{"name": "url", "status": "error", "message": "..."}, ...]}
//
// A status is ok, warning (it works, and may not for long or not for all
// programs), error, or skipped: what it needs is wrong, as a check above it
// says. ok is false, and the exit code 1, when there is an error. Names and
// statuses stay what they are; messages are for people. Each check has ten
// seconds, all of them have thirty.
//
// It looks whether the platform answers, asks it for a token, and has git
// itself fetch a credential; no setting is changed. No secret is in what it
// says: a token is named by its [tokenprovider.TokenSHA256], and a URL is shown
// without user name, password and query.
//
// # What is on disk
//
// A folder with rights 0700, $XDG_RUNTIME_DIR/provisionkit or provisionkit-UID
// in the folder for temporary files, holds for each endpoint and workspace a
// record with the token (.json), a lock (.lock) and, if the configured bearer
// can't be replaced, the renewed one (.bearer), all with rights 0600. A file
// that others may read or write, that isn't a plain file of ours or that makes
// no sense is ignored and replaced. If it is the folder, nothing is kept, nor
// is on Windows: each get then asks the platform, and can't tell it of a token
// that was refused before.
//
// A folder beside them for each choice of hosts and settings (.gh) is the
// configuration of the gh that was run last, with the token that it got and a
// copy of the person's settings. Where nothing is kept it is a temporary
// folder, which is removed when gh ends.
//
// A process of the same user can read what is there, as it can read the bearer.
// Only another user, or a proxy that adds the token outside, keeps a token from
// it.
package workspace
