// Package forge is GitHub as the forge behind a gateway: github.com, an
// enterprise with data residency (NAME.ghe.com), and GitHub Enterprise Server.
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
// Under the gateway's one host name it is laid out as an Enterprise Server is,
// because gh takes every host but github.com for one: git at the root, the API
// under /api/v3, GraphQL at /api/graphql, and uploads under /api/uploads.
//
// # What it refuses, whatever a policy says
//
//   - /installation/token, /app, /apps/…/installations, /login and
//     /applications: with them one workspace could revoke or widen the token of
//     all.
//   - /repositories/{id}: a policy that goes by owner and name couldn't judge it.
//   - Paths that it doesn't know, and requests of GraphQL that two readers could
//     read in two ways: compressed, of another type than JSON, several in one
//     body, two fields, operations, fragments or arguments of one name.
//
// # What it can't see
//
// GraphQL mutations name what they change by node ids, so their Repository is
// empty, and so is that of queries for anything but one repository. What is below
// the first fields of a query isn't looked at, and may be of another repository:
// the token's own scope is what bounds both. Package registries, ghcr.io and clients with a
// fixed api.github.com don't go through a gateway at all.
package forge
