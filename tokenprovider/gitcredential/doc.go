// Package gitcredential speaks git's side of a workspace: the credential helper protocol (git-credential(1),
// gitcredentials(7)), and the environment variables that tell git to use a helper.
//
// A token in the environment of a workspace dies and can't be replaced there. A credential helper is asked each time
// git needs a token, so it always has a live one to give.
//
// # On the platform
//
// [NewMutator] wires git in a workspace through its environment alone; register it with the other mutators:
//
//	registry.Register(gitcredential.NewMutator(&gitcredential.MutatorOptions{
//		Command: "/usr/local/bin/git-credential-provisionkit",
//	}))
//
// [AppendEnv] is what it is made of: the one place that writes GIT_CONFIG_COUNT without losing what others wrote.
//
// # In the workspace
//
// [Helper] answers git from any [tokenprovider.TokenProvider]. Command git-credential-provisionkit is made of it; a
// program of your own is:
//
//	helper := &gitcredential.Helper{Provider: provider}
//	if helper.Run(ctx, os.Args[1], os.Stdin, os.Stdout, os.Stderr) != nil {
//		os.Exit(1)
//	}
//
// # What it promises
//
//   - What git reads is written in one piece after everything was checked, or not at all: git takes half an answer
//     for a credential, whatever the exit code says.
//   - Only https, and only hosts that were named, compared exactly ([Request.For]). A request that is malformed,
//     ambiguous, cut short or too large is refused ([ReadRequest]).
//   - A password reaches nothing but standard output. No error, log line or printed [Request] holds it.
//   - Standard error gets one sentence, without control characters, that says why there is no token.
//
// # What it refuses
//
// It stores nothing: store is accepted and ignored. It doesn't judge paths and user names: what a token may reach is
// the platform's decision, made from the workspace's identity alone. It never writes http.extraHeader, a token into a
// URL, or git's private GIT_CONFIG_PARAMETERS.
package gitcredential
