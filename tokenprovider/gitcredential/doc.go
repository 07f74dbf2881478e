// Package gitcredential speaks git's side of a workspace: the credential helper
// protocol (git-credential(1), gitcredentials(7)), and the environment
// variables that tell git to use a helper.
//
// A token in the environment of a workspace dies and can't be replaced there. A
// credential helper is asked each time git needs a token, so it always has a
// live one to give.
//
// # On the platform
//
// [NewMutator] wires git in a workspace through its environment alone; register
// it with the other mutators:
//
//	git, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{
//		Command: "/usr/local/bin/git-credential-provisionkit",
//	})
//	if err != nil {
//		return err
//	}
//	registry.Register(git)
//
// [AppendEnv] is what it is made of: the one place that writes GIT_CONFIG_COUNT
// without losing what others wrote.
//
// # By a file
//
// Programs that run agents like to pass on no variable with KEY, TOKEN or SECRET
// in its name. Of GIT_CONFIG_COUNT, GIT_CONFIG_KEY_0 and GIT_CONFIG_VALUE_0 the
// count is left then, and every git command fails. With
// [MutatorOptions].ConfigFile the wiring is a file instead, to which
// GIT_CONFIG_SYSTEM points; it includes the system configuration of the image's
// own git. It needs git 2.32 or later in the image, and a platform that writes
// files: a provisionhook.Registry's Plan has it, and Run refuses it. Where the
// file isn't written, git says nothing and is wired with nothing. Every user
// whose git has the variable has to be able to read the file: with one that it
// may not open every git command fails.
//
// Git reads the system configuration first. The entry that wipes other helpers
// therefore wipes those of the image, and none of a person's ~/.gitconfig or of
// a repository. Those are asked behind ours, when it had no token, and are told
// each token that worked: git before 2.46 has credential-store write it to disk;
// a later one doesn't, since the answer says that it is ephemeral, unless
// CacheFor is set. A person's or a repository's own empty helper, as gh auth
// setup-git writes one, wipes ours. GIT_CONFIG_NOSYSTEM makes git ignore the
// file, and git config --system writes into it.
//
// # With git's cache
//
// [MutatorOptions].CacheFor puts git's own credential-cache before the helper: a
// process that keeps a token in its memory for that long, and answers git while
// the platform is down. It has limits:
//
//   - Git alone uses it. gh and other programs ask the platform each time.
//   - Git before 2.40 gives out what it holds even when that has died meanwhile.
//     A token that it gives out may have less than [DefaultMinTTL] left, by as
//     much as CacheFor.
//   - Git from 2.46 on keeps nothing that is ephemeral. The mutator sets
//     PROVISIONKIT_CACHE_FOR, and the helper says that of no token then; any
//     other helper of these hosts may keep the token as well.
//   - A socket in $XDG_CACHE_HOME/git/credential (by default
//     ~/.cache/git/credential) leads to it, for every process of the same user.
//     Where that can't be made git says so and asks the helper.
//   - A token that the forge refused is forgotten at once. A workspace that the
//     platform no longer admits has what is held until it ages out, unless its
//     token was revoked. git credential-cache exit ends the process.
//
// # Which repository
//
// A token can be for one owner's repositories only. With
// [MutatorOptions].UseHTTPPath git tells the path of the URL, from which the
// platform chooses among the tokens that the workspace may have:
// [Request.Repository] makes owner/name of it. It has limits:
//
//   - A URL with more or less than an owner and a name before git's own paths,
//     such as that of a subgroup, gets no token from these hosts.
//   - GIT_ASKPASS, which is asked with the path in the prompt then, answers
//     nothing: see the command's askpass.
//   - Git's own cache keeps a token for each repository.
//   - The path comes from whoever wrote the URL. It decides nothing by itself.
//
// # In the workspace
//
// [Helper] answers git from any [tokenprovider.TokenProvider]. Command
// git-credential-provisionkit is made of it; a program of your own is:
//
//	helper := &gitcredential.Helper{Provider: provider}
//	if helper.Run(ctx, os.Args[1], os.Stdin, os.Stdout, os.Stderr) != nil {
//		os.Exit(1)
//	}
//
// # Without a binary
//
// Where no binary can be added to an image, [MutatorOptions].Inline wires git
// with a helper that is a line of shell:
//
//	git, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Inline: true})
//
// It passes git's request on to the endpoint and prints the answer, which the
// endpoint wrote and checked, once curl has it whole. It needs a POSIX shell,
// curl 7.21 or later, head, tr and /dev/fd, and reads the same PROVISIONKIT_
// variables as the command. The bearer goes to curl through a pipe, never in
// its arguments; ~/.curlrc, .netrc and the variables for proxies have no
// effect, and what the repository brings isn't run, also where "." is on the
// PATH.
//
// Like the command it keeps nothing, and tries again while the platform isn't
// there (refused, reset, 502, 503, 504, a time-out), for 20 s in all or for
// PROVISIONKIT_RETRY, for which it needs sleep and date. It reads whole seconds
// there, such as 5s or 0: everything else is 20 s. After a 401 the bearer's file
// is read again, and a bearer that has changed is tried once.
//
// It does less than the command: it is for git alone, and reaches the endpoint
// through no proxy. It passes on when the token dies as the endpoint wrote it,
// so that git from 2.40 on needs a workspace whose clock is right. Its erase
// tells the platform the digest of the refused token where sha256sum and base64
// are installed, and does nothing otherwise: the refused token then comes back
// until the platform replaces it. With [Quit] git quotes the whole line, which
// holds no secret, behind the sentence that says what is wrong.
//
// # What it promises
//
//   - What git reads is written in one piece after everything was checked, or
//     not at all: git takes half an answer for a credential, whatever the exit
//     code says.
//   - Only https, and only hosts that were named, compared exactly
//     ([Request.For]). A request that is malformed, ambiguous, cut short or too
//     large is refused ([ReadRequest]).
//   - A password reaches nothing but standard output. No error, log line or
//     printed [Request] holds it.
//   - Standard error gets one sentence, without control characters, that says
//     why there is no token.
//
// # What it refuses
//
// It stores nothing: store is accepted and ignored. It doesn't judge user names,
// nor which repository is asked for: what a token may reach is the platform's
// decision, made from the workspace's identity. It never writes http.extraHeader, a token into a
// URL, or git's private GIT_CONFIG_PARAMETERS.
package gitcredential
