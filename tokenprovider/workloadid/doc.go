// Package workloadid lets workspaces authenticate with an identity that their
// environment gives them: a projected token of Kubernetes, the OIDC token of a
// CI job or a sandbox, or a JWT-SVID of SPIFFE. [OIDC] and [TokenReview] return
// a [tokenhttp.Authenticator] for such tokens, for the token endpoint and the
// gateway.
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
// [tokenhttp.Mutator] without a Key writes the endpoint's URL and the path of
// the file that has the token. A workspace may also start before it is known
// for whom (a warm pool), since the [tokenhttp.Source] decides at each request
// which token it gets.
//
// OIDC verifies a token with the issuer's published keys, and needs no request
// while it has them. But a token stays valid until it expires, even if its pod
// is gone, unless [tokenhttp.Options].Admit refuses it. TokenReview asks a
// cluster's API server, which refuses the token of a pod that is gone.
//
// It is a module of its own, so that only its users depend on its OpenID
// Connect library.
//
// # What it promises
//
// A token is refused with 401 if it isn't a JWT, isn't signed with RS256, ES256
// or EdDSA by a key of the issuer, has another iss, lacks the platform's aud,
// has no exp, expired more than a minute ago, or isn't valid yet. What Rule or
// Workspace refuses gets 403. What can't be decided gets 503, also if Rule or
// Workspace panics; the log says what to mend.
//
// The Logger gets each refusal with its reason. No error and no log line holds
// a token, or anything of an answer's body.
//
// In a [tokenhttp.AnyOf] these Authenticators also see, and log as refused, the
// bearers that later ones accept. Put a [tokenhttp.WorkspaceKey] or a
// [tokenhttp.AdminToken] before them.
//
// # What a rule is for
//
// The issuer of a hosted service signs tokens for all of its customers, and the
// issuer of a cluster for all of its pods. So only a rule on its claims can say
// that a token belongs to a workspace of this platform. Test claims that others
// can't choose: they can choose the names of their own repositories and
// branches.
//
// [tokenhttp.Principal].IssuedAt is the token's iat. Tokens are renewed while a
// workspace runs, and the first may have been issued before the workspace was
// assigned to anybody: an Admit should compare IssuedAt with the start of the
// pod or the machine.
package workloadid
