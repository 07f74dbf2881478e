// Package peerbench measures the cache of package tokenprovider beside those of other libraries, in one run of one
// binary, over the same mint function, and package githubapp beside ghinstallation on the same fake GitHub:
//
//	go -C internal/peerbench test -bench . -benchtime 1s
//
// It is a module of its own, so that the libraries it measures are no dependencies of provisionkit.
package peerbench
