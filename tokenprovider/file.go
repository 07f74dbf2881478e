package tokenprovider

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/plainfile"
)

// maxFile bounds a token file in bytes: no token is larger, and reading a log
// by mistake ends.
const maxFile = 64 << 10

// File returns a provider that reads the file at path at each call, so that a
// rotated file is seen at once, and trims white space around the token. The
// token has no known expiry. For a missing or blank file, and for an empty
// path, the error is [ErrNotConfigured]. It is of [CodeUnavailable] for a file
// that can't be read or isn't a regular file, and of [CodeInternal] for one
// that is larger than 64 KiB.
func File(path string) TokenProvider {
	return file(path)
}

type file string

func (f file) Token(context.Context) (string, time.Time, error) {
	token, err := f.read()
	if err != nil {
		return "", time.Time{}, err
	}
	return token, time.Time{}, nil
}

func (f file) read() (string, error) {
	if f == "" {
		return "", errorf(CodeNotConfigured, "File has no path")
	}
	content, err := plainfile.Read(string(f), maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", errorf(CodeNotConfigured, "token file: %w", err)
	case errors.Is(err, plainfile.ErrNotPlain):
		return "", errorf(CodeUnavailable, "token file: %s is not a regular file", f)
	case errors.Is(err, plainfile.ErrTooLarge):
		return "", errorf(CodeInternal, "token file %s is larger than %d bytes", f, maxFile)
	case err != nil:
		return "", errorf(CodeUnavailable, "token file: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", errorf(CodeNotConfigured, "token file %s is empty", f)
	}
	return token, nil
}
