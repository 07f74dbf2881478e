package ghshim

import (
	"os"
	"path/filepath"
	"time"
)

// lentPrefix begins the name of each folder that is made for a run.
const lentPrefix = "provisionkit-gh-"

// sweep removes the folders in parent whose runs were killed. The lock tells:
// a process id says nothing where containers share a folder. Nobody waits for
// it.
func sweep(parent string) {
	found, _ := filepath.Glob(filepath.Join(parent, lentPrefix+"*")) // the pattern is right, or nothing matches
	for _, path := range found {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue // it may be about to be locked
		}
		if folder, err := os.Open(path); err == nil {
			if lock(folder) {
				_ = os.RemoveAll(path)
			}
			folder.Close()
		}
	}
}
