// Package workloadid has workspaces prove who they are with what their
// environment already gives them: a projected token of Kubernetes, the OIDC token
// of a CI job or a sandbox, a JWT-SVID of SPIFFE. It is a
// [tokenhttp.Authenticator] of such tokens, for the endpoint and the gateway.
//
//	auth, err := workloadid.OIDC(ctx, workloadid.OIDCOptions{
//		Issuer:   "https://token.actions.githubusercontent.com",
//		Audience: "https://platform.example",
//		Rule:     workloadid.Claim("repository_owner", "acme"),
//		Workspace: func(claims map[string]any) (string, error) {
//			return workloadid.Text(claims, "run_id")
//		},
//	})
//
// The platform then issues no bearers, and writes no secret into a workspace: a
// [tokenhttp.Mutator] without a Key writes the endpoint's address and the path of
// the file in which the token is. So a workspace may also run before anybody knows
// for whom (a warm pool): which token it gets is the Source's to say, at each
// request.
//
// [OIDC] verifies a token by the issuer's published keys, and needs nobody for
// that while it has them. [TokenReview] asks a cluster's API server, which refuses
// the token of a pod that is gone; by the keys alone that token is good until it
// expires, unless tokenhttp's Options.Admit knows better.
//
// It is a module of its own, so that only who uses it depends on its OpenID
// Connect library.
//
// # What it promises
//
// A token is refused (401) when it is no JWT, is signed by another algorithm than
// RS256, ES256 and EdDSA, by another key than the issuer's, has another iss or no
// aud of the platform's, has no exp or is past it by more than a minute, or isn't
// valid yet. The issuer is compared byte for byte. What the Rule or Workspace
// refuses is forbidden (403). Whatever can't be decided is 503, with what to mend
// in the error, and never access; so is a Rule or a Workspace that panics.
//
// Each refusal is a line of the Logger with its reason. No error and no line holds
// a token, or anything of an answer's body.
//
// Behind [tokenhttp.AnyOf] an Authenticator sees, and logs as refused, the bearers
// of those after it: put those first that tell their own at once.
//
// # What a rule is for
//
// An issuer of a hosted service signs for all of its customers, and an issuer of a
// cluster for all of its pods. The signature says who issued a token; that its
// holder is a workspace of this platform's only a rule on its claims can say. Take
// claims that others can't choose: names of their own repositories and branches
// they can.
//
// The Principal's IssuedAt is the token's iat. A token is renewed while its
// workspace runs, and may have been issued before the workspace was claimed: an
// Admit that compares it does so with the start of the pod or the machine.
package workloadid
