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
// curl 7.21 or later, head and /dev/fd, and reads the same PROVISIONKIT_
// variables as the command. The bearer goes to curl through a pipe, never in
// its arguments; ~/.curlrc, .netrc and the variables for proxies have no
// effect, and what the repository brings isn't run, also where "." is on the
// PATH.
//
// It does less than the command: it keeps nothing, so that each operation of
// git is a call of the endpoint and fails while that is down; it doesn't renew
// the bearer, and reaches the endpoint through no proxy. Its erase tells the
// platform the digest of the refused token where sha256sum and base64 are
// installed, and does nothing otherwise: the refused token then comes back
// until the platform replaces it. With PROVISIONKIT_ON_FAILURE=quit git quotes
// the whole line, which holds no secret, behind the sentence that says what is
// wrong.
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
// It stores nothing: store is accepted and ignored. It doesn't judge paths and
// user names: what a token may reach is the platform's decision, made from the
// workspace's identity alone. It never writes http.extraHeader, a token into a
// URL, or git's private GIT_CONFIG_PARAMETERS.
package gitcredential
