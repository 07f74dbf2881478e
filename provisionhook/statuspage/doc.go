// Package statuspage shows how the mutators of a registry and their tokens are
// doing: [New] to the administrators of a platform, [Health] in one word to its
// monitors.
//
//	page, err := statuspage.New(registry, auth) // auth as in tokenhttp
//	mux.Handle("/admin/status", page)
//	mux.Handle("/healthz", statuspage.Health(registry))
//
// # What it promises
//
// Both read what the mutators report, at the moment of the request. Neither
// mints a token, and neither shows one: a token is named by its SHA-256. A
// mutator whose status panics, ends its goroutine or isn't a state is shown as
// failing, one that hangs when the request ends. Both handlers are safe for
// concurrent use.
//
// # What it refuses
//
// There is no page without an Authenticator, and only an administrator sees it.
// It has no script, no form and no picture, and loads nothing.
package statuspage
