package tokenprovider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// maxFile bounds a token file in bytes: no token is larger, and reading a log
// by mistake ends.
const maxFile = 64 << 10

// File returns a provider that reads the file at path at each call, so that a
// rotated file is seen at once, and trims white space around the token. The
// token has no known expiry. A missing or blank file, and an empty path, is
// [ErrNotConfigured]; what can't be read, or is no regular file, is
// [CodeUnavailable]; a file larger than 64 KiB is [CodeInternal].
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
	content, err := f.content()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", errorf(CodeNotConfigured, "token file: %w", err)
	case err != nil:
		return "", errorf(CodeUnavailable, "token file: %w", err)
	case len(content) > maxFile:
		return "", errorf(CodeInternal, "token file %s is larger than %d bytes", f, maxFile)
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", errorf(CodeNotConfigured, "token file %s is empty", f)
	}
	return token, nil
}

// content returns what is in the file, or one byte more than [maxFile] of it.
func (f file) content() ([]byte, error) {
	// To open a named pipe waits for somebody who writes to it.
	info, err := os.Stat(string(f))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", f)
	}
	opened, err := os.Open(string(f))
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	return io.ReadAll(io.LimitReader(opened, maxFile+1))
}
