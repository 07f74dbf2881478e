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

// maxFile bounds a token file: no token is larger, and reading a device or a log by mistake ends.
const maxFile = 64 << 10

// File is a provider that reads the file at path at each call, so that a rotated file is seen at once, and trims white
// space around the token. The token has no known expiry. A missing or blank file, and an empty path, is
// [ErrNotConfigured]; a file that can't be read is [CodeUnavailable], one larger than 64 KiB [CodeInternal].
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
		return "", &Error{Code: CodeNotConfigured, Err: errors.New("tokenprovider: File has no path")}
	}
	opened, err := os.Open(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return "", &Error{Code: CodeNotConfigured, Err: fmt.Errorf("tokenprovider: token file: %w", err)}
	}
	if err != nil {
		return "", &Error{Code: CodeUnavailable, Err: fmt.Errorf("tokenprovider: token file: %w", err)}
	}
	defer opened.Close()
	content, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	if err != nil {
		return "", &Error{Code: CodeUnavailable, Err: fmt.Errorf("tokenprovider: token file: %w", err)}
	}
	if len(content) > maxFile {
		return "", &Error{Code: CodeInternal, Err: fmt.Errorf("tokenprovider: token file %s is larger than %d bytes", f, maxFile)}
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", &Error{Code: CodeNotConfigured, Err: fmt.Errorf("tokenprovider: token file %s is empty", f)}
	}
	return token, nil
}
