// Package safefile reads files where others may have had a hand: in folders
// that they can write to, under names that they can put something else at.
package safefile

import (
	"errors"
	"io"
	"os"
)

// MaxPlain bounds what is read of a file, in bytes.
const MaxPlain = 1 << 20

// ErrTooLarge is the error for a file that is larger than [MaxPlain].
var ErrTooLarge = errors.New("is too large")

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
	content, err := io.ReadAll(io.LimitReader(file, MaxPlain+1))
	if err == nil && len(content) > MaxPlain {
		return nil, ErrTooLarge
	}
	return content, err
}
