package safefile

import (
	"errors"
	"io/fs"
	"os"
)

// Replace writes content to a file of the name making, which nobody else may
// use meanwhile, and puts that in the place of whatever has the name: a reader
// sees the old or the new one whole. The file is this user's alone. Replace
// doesn't wait for the disk: what a power cut takes away is fetched or written
// again.
func Replace(root *os.Root, making, name string, content []byte) error {
	if err := root.RemoveAll(making); err != nil {
		return err
	}
	file, err := root.OpenFile(making, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		err = root.Rename(making, name)
	}
	if err != nil && isFolder(root, name) {
		err = errors.Join(root.RemoveAll(name), root.Rename(making, name))
	}
	if err != nil {
		_ = root.Remove(making)
	}
	return err
}

func isFolder(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeDir != 0
}
