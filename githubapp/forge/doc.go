// Package forge connects a [gateway.Gateway] to GitHub: to github.com, to an
// enterprise with data residency (NAME.ghe.com), or to a GitHub Enterprise
// Server.
//
//	github, err := forge.GitHub("") // github.com
//	if err != nil {
//		return err
//	}
//	gw, err := gateway.New(gateway.Options{
//		BaseURL: "https://github.platform.example",
//		Forge:   github,
//		Auth:    key,
//		Policy:  policy,
//	})
//
// The gateway's one host name has the paths of an Enterprise Server, because gh
// takes every host but github.com for one: git at the root, the REST API under
// /api/v3, GraphQL at /api/graphql, and uploads under /api/uploads.
//
// # What it refuses, whatever a policy says
//
//   - What is about the app and its tokens, with which one workspace could
//     revoke or widen the token of all: /installation/token, /app,
//     /app-manifests, /apps/{slug}/installations, /applications, /login and
//     /user/installations.
//   - /repositories/{id}: a policy that decides by owner and name couldn't
//     judge it.
//   - Paths that it doesn't know.
//   - Requests of GraphQL that two programs could read in two ways: compressed,
//     of another type than JSON, several in one body, or with two fields,
//     operations, fragments or arguments of one name.
//
// # What it can't see
//
// A GraphQL mutation names what it changes by node ids, so the
// [gateway.Operation] of one has no Repository. Nor has that of a query for
// anything but one repository. The fields below the first ones of a query
// aren't looked at, and may lead to another repository. Only the scope of the
// token bounds both.
package forge
