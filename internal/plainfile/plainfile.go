// Package plainfile reads files that may be something else: where others may
// have had a hand, or where a path is a mistake.
package plainfile

import (
	"errors"
	"io"
	"os"
)

// Most is a bound for files of which no better one is known, in bytes.
const Most = 1 << 20

var (
	// ErrNotPlain is the error for what is no plain file, such as a pipe, which
	// would be waited for, a device or a folder.
	ErrNotPlain = errors.New("isn't a plain file")

	// ErrTooLarge is the error for a file that is larger than its bound.
	ErrTooLarge = errors.New("is too large")
)

// Read returns the content of a plain file of at most so many bytes, whoever it
// belongs to. The error is one of this package's, or of package os.
func Read(path string, most int64) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, ErrNotPlain
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(content)) > most {
		return nil, ErrTooLarge
	}
	return content, err
}
