// Package gitcredential gives git in a workspace its tokens: it implements
// git's credential helper protocol (git-credential(1), gitcredentials(7)) and
// the configuration that makes git use a helper.
//
// A token in the environment of a workspace expires and can't be replaced
// there. A credential helper is asked each time git needs a token, so git
// always gets a live one.
//
// # On the platform
//
// [NewMutator] configures git in a workspace through its environment alone;
// register it with the other mutators:
//
//	git, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{
//		Command: "/usr/local/bin/git-credential-provisionkit",
//	})
//	if err != nil {
//		return err
//	}
//	registry.Register(git)
//
// It uses [AppendEnv], which adds to GIT_CONFIG_COUNT without losing what
// others wrote.
//
// # By a file
//
// Some programs that run agents pass on no variable with KEY, TOKEN or SECRET
// in its name. They pass on GIT_CONFIG_COUNT without GIT_CONFIG_KEY_0, and
// every git command fails. With [MutatorOptions].ConfigFile the configuration
// is in a file instead, which GIT_CONFIG_SYSTEM names and which includes the
// system configuration of the image's git. That needs git 2.32 or later in the
// image, and a platform that writes files: the Plan of a provisionhook.Registry
// has the file, while its Run returns an error. Where the platform doesn't
// write the file, git ignores the variable. Every user who has the variable has
// to be able to read the file; otherwise every git command of theirs fails.
//
// Git reads the system configuration first. So the entry that removes other
// helpers removes those of the image, but not those in ~/.gitconfig or in a
// repository. Git asks these when ours had no token, and tells them each token
// that worked: before git 2.46 a credential-store among them writes it to disk;
// a later git doesn't, since our answer is marked as ephemeral, unless CacheFor
// is set. An empty helper in ~/.gitconfig or in a repository, such as gh auth
// setup-git writes, removes ours. GIT_CONFIG_NOSYSTEM makes git ignore the
// file, and git config --system writes into it.
//
// # With git's cache
//
// [MutatorOptions].CacheFor puts git's credential-cache
// (git-credential-cache(1)) before the helper: a process that keeps a token in
// memory for that long, and answers git while the platform is down. It has
// limits:
//
//   - Git alone uses it. gh and other programs ask the platform each time.
//   - Git before 2.40 hands out a token that it holds even if the token has
//     expired. Any token from the cache may have less than [DefaultMinTTL]
//     left, by as much as CacheFor.
//   - Git from 2.46 on keeps nothing that is marked as ephemeral. So the
//     mutator sets PROVISIONKIT_CACHE_FOR, and the helper then marks no token;
//     any other helper of these hosts may keep the token as well.
//   - Every process of the same user can reach it by a socket in
//     $XDG_CACHE_HOME/git/credential (by default ~/.cache/git/credential).
//     Where that can't be made, git prints an error and asks the helper.
//   - It forgets a token that the forge refused at once. A workspace that the
//     platform no longer admits keeps the token until CacheFor is over, unless
//     the token was revoked. git credential-cache exit ends the process.
//
// # Which repository
//
// A token can be for the repositories of one owner only. With
// [MutatorOptions].UseHTTPPath git tells the helper the path of the URL
// ([Request.Repository]), and the platform chooses by it among the tokens that
// the workspace may have. It has limits:
//
//   - A URL whose path isn't just an owner and a name, such as that of a
//     subgroup, gets no token.
//   - git-askpass-provisionkit as GIT_ASKPASS has no answer, since git then
//     asks it with the path in the prompt.
//   - Git's credential-cache keeps a token for each repository.
//   - The path comes from whoever wrote the URL, so the platform must not trust
//     it.
//
// # In the workspace
//
// [Helper] answers git with the tokens of a [tokenprovider.TokenProvider]. The
// command git-credential-provisionkit uses it; a program of your own is:
//
//	helper := &gitcredential.Helper{Provider: provider}
//	if helper.Run(ctx, os.Args[1], os.Stdin, os.Stdout, os.Stderr) != nil {
//		os.Exit(1)
//	}
//
// # Without a binary
//
// Where no binary can be added to an image, [MutatorOptions].Inline gives git a
// helper that is a line of shell:
//
//	git, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Inline: true})
//
// It passes git's request on to the endpoint, and prints the endpoint's answer
// once curl has the whole of it. It needs a POSIX shell, curl 7.21 or later,
// head, tr and /dev/fd, and reads the same PROVISIONKIT_ variables as the
// command. The bearer goes to curl through a pipe, never in its arguments.
// ~/.curlrc, .netrc and the variables for proxies have no effect, and no
// program of the repository is run, even if "." is on the PATH.
//
// Like the command it keeps no state. It tries again while the platform can't
// be reached (refused, reset, 502, 503, 504, a time-out), for 20 s in all or
// for PROVISIONKIT_RETRY; for that it needs sleep and date. In
// PROVISIONKIT_RETRY it understands whole seconds, such as 5s or 0; anything
// else means 20 s. After a 401 it reads the bearer's file again, and tries once
// more if the bearer has changed.
//
// It does less than the command. It is for git alone, and uses no proxy. It
// passes the expiry on as the endpoint wrote it, so git from 2.40 on needs a
// workspace whose clock is right. Its erase reports a refused token where
// sha256sum and base64 are installed; elsewhere git gets the refused token
// again until the platform replaces it. With [Quit] git prints the whole line
// of shell, which holds no secret, after the sentence that says what is wrong.
//
// # What it promises
//
//   - An answer is written to git whole, after everything was checked, or not
//     at all: git would take half an answer for a credential, whatever the exit
//     code is.
//   - A token is given only for https, and only for hosts that were named
//     ([Request.For]). A request that is malformed, ambiguous, cut short or too
//     large is refused ([ReadRequest]).
//   - A token is written to standard output alone: no error, log line or
//     printed [Request] holds it.
//   - Standard error gets one sentence, without control characters, that says
//     why there is no token.
//
// # What it refuses
//
// It stores nothing: the operation store is accepted and ignored. It doesn't
// decide by user name or repository what a token may reach: the platform does,
// by the workspace's identity. It never writes http.extraHeader, a token into a
// URL, or git's private GIT_CONFIG_PARAMETERS.
package gitcredential
