// Package repotest has the tests of the repository as a whole: which package
// may import which, what others may rely on, what a release publishes, and
// whether the documents are true. Tests of what a package does are in that
// package; those of the whole system are in internal/endtoend.
package repotest
