package appkey

import (
	"errors"
	"fmt"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/plainfile"
)

// maxFile bounds a key file in bytes, so that reading a device or a log by
// mistake ends.
const maxFile = 256 << 10

// ReadFile returns the private keys in the file at path. The error names the
// path, unless that is a key by mistake.
func ReadFile(path string) ([]*Key, error) {
	if MayBeKey(path) {
		return nil, errors.New("holds what looks like a key; it has to be the path of a file that holds one")
	}
	text, err := plainfile.Read(path, maxFile)
	switch {
	case errors.Is(err, plainfile.ErrNotPlain):
		return nil, fmt.Errorf("%s is no regular file; it has to be the app's private key in PEM, "+
			"to be read again when it is replaced", path)
	case errors.Is(err, plainfile.ErrTooLarge):
		return nil, fmt.Errorf("%s is larger than %d bytes; it has to be a private key in PEM", path, maxFile)
	case err != nil:
		return nil, fmt.Errorf("%w; it has to be the app's private key in PEM, readable for this process", err)
	}
	keys, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return keys, nil
}

// MayBeKey reports whether path can't be a path because it is, or is likely to
// be, a key. It must not be quoted then.
func MayBeKey(path string) bool {
	return len(path) > 1024 || strings.Contains(path, "-----BEGIN") || strings.ContainsAny(path, "\r\n")
}
