//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package platform

import (
	"context"
	"os"
	"time"
)

// OpenFolder returns ErrNoDisk: rights of a file and owners of a process don't
// mean here what the disk relies on.
func OpenFolder(func(string) string) (*os.Root, error) { return nil, ErrNoDisk }

func (d *Disk) lock(context.Context, time.Duration) (unlock func(), locked bool) {
	return nil, false
}
