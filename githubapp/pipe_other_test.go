//go:build !unix

package githubapp_test

import "testing"

// newPipe is dir: there are no named pipes among files here.
func newPipe(_ *testing.T, dir string) string { return dir }
