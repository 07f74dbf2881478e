// Package safefile reads and writes files where others may have had a hand: in
// folders that they can write to, under names that they can put something else
// at. What is read is a plain file of bounded size; what is this user's alone
// has no rights for others.
package safefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// MaxPlain and MaxPrivate bound what is read of a file, in bytes.
const (
	MaxPlain   = 1 << 20
	MaxPrivate = 64 << 10 // a token has at most 32 KiB
)

// UnsafeError says why a file or folder isn't trusted. It is the end of a
// sentence that begins with its name.
type UnsafeError string

func (e UnsafeError) Error() string { return string(e) }

// ErrTooLarge is the error for a file that is larger than its bound.
const ErrTooLarge = UnsafeError("is too large")

// ReadPlain returns the content of a plain file, whoever it belongs to. A pipe
// is none: it would be waited for.
func ReadPlain(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("isn't a plain file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAtMost(file, MaxPlain)
}

// ReadPrivate returns the content of a plain file that is this user's alone.
// The error for any other is an [UnsafeError].
func ReadPrivate(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, UnsafeError("isn't a plain file")
	}
	if err := Private(info); err != nil {
		return nil, err
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if opened, err := file.Stat(); err != nil || !os.SameFile(info, opened) {
		return nil, UnsafeError("was exchanged while it was opened")
	}
	return readAtMost(file, MaxPrivate)
}

func readAtMost(file *os.File, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(content)) > limit {
		return nil, ErrTooLarge
	}
	return content, err
}

// Private returns an [UnsafeError] for what somebody else may look into or
// change.
func Private(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return UnsafeError(fmt.Sprintf("has rights %#o, so that it isn't for its owner alone", mode))
	}
	if !Owned(info) {
		return UnsafeError("belongs to another user")
	}
	return nil
}

// OpenFolder opens a folder that is this user's alone. The error for any other
// is an [UnsafeError] that names it.
func OpenFolder(path string) (*os.Root, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, UnsafeError(path + " isn't a folder")
	}
	if err := Private(info); err != nil {
		return nil, UnsafeError(path + " " + err.Error())
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	if opened, err := root.Stat("."); err != nil || !os.SameFile(info, opened) {
		root.Close()
		return nil, UnsafeError(path + " was exchanged while it was opened")
	}
	return root, nil
}
