// Package peerbench measures the cache of package tokenprovider beside those of other libraries, in one run of one
// binary, over the same mint function, package githubapp beside ghinstallation on the same fake GitHub, and package
// gateway beside nginx and a bare httputil.ReverseProxy:
//
//	go -C internal/peerbench test -bench . -benchtime 1s
//
// It is a module of its own, so that the libraries it measures are no dependencies of provisionkit.
package peerbench
