// Package statuspage shows the state of a registry's mutators and their tokens:
// [New] is a page for the administrators of a platform, and [Health] a check
// for its monitors.
//
//	page, err := statuspage.New(registry, auth) // auth as in tokenhttp
//	mux.Handle("/admin/status", page)
//	mux.Handle("/healthz", statuspage.Health(registry))
//
// # What it promises
//
// Both show what the mutators report at the time of the request. Neither mints
// or shows a token: a token is named by its SHA-256. A mutator whose Status
// panics, ends its goroutine or returns an unknown state is shown as failing.
// One that hangs delays the answer until the request ends. Both handlers are
// safe for concurrent use.
//
// # What it refuses
//
// Only an administrator sees the page. It has no script, no form and no
// picture, and loads nothing.
package statuspage
