package workloadid

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/molecule-ai/provisionkit/internal/plainfile"
)

// file is what a file holds. It is read at each use, so that a change is seen at
// once, however it was made: a kubelet replaces a link to a folder. While it can't
// be read, or not be understood, what it held before counts.
type file[T any] struct {
	option string // that names it
	path   string
	parse  func(content []byte) (T, error)
	logger *slog.Logger

	mu     sync.Mutex
	digest [sha256.Size]byte // of the text that value was made of
	value  T
	failed string // the error that was logged last; "" when all is well
}

// newFile returns the file at path; an error when it can't be used now.
func newFile[T any](option, path string, parse func([]byte) (T, error), logger *slog.Logger) (*file[T], error) {
	f := &file[T]{option: option, path: path, parse: parse, logger: logger}
	if err := f.read(); err != nil {
		return nil, fmt.Errorf("workloadid: %s: %w", option, err)
	}
	return f, nil
}

// get returns what the file holds.
func (f *file[T]) get(ctx context.Context) T {
	err := f.read()
	f.mu.Lock()
	value, before := f.value, f.failed
	f.failed = ""
	if err != nil {
		f.failed = err.Error()
	}
	now := f.failed
	f.mu.Unlock()
	if now != "" && now != before {
		f.logger.ErrorContext(ctx, "file can't be read again", "option", f.option, "error", err)
	}
	return value
}

// read takes over what the file holds, if that is another text.
func (f *file[T]) read() error {
	text, err := plainfile.Read(f.path, maxAnswer)
	switch {
	case errors.Is(err, plainfile.ErrNotPlain), errors.Is(err, plainfile.ErrTooLarge):
		return fmt.Errorf("%s %w", f.path, err)
	case err != nil:
		return err
	}
	digest := sha256.Sum256(text)
	f.mu.Lock()
	same := digest == f.digest
	f.mu.Unlock()
	if same {
		return nil
	}
	value, err := f.parse(text)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.digest, f.value = digest, value
	return nil
}
