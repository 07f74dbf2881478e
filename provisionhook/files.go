package provisionhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// FileMutator is a mutator that also contributes files to a workspace.
//
// MutateFiles is called after a MutateEnv that succeeded, and an error of
// either undoes both. files has what the mutators before contributed, and is
// never nil; the rules for it are those for env. Each key is an absolute path
// inside the workspace, without "." and ".." and without a slash at its end.
// The platform writes the files, with mode 0600.
//
// No [Check] sees the files: before it writes them, the platform has to look at
// [Plan].FileChanges and decide which paths a mutator may write.
type FileMutator interface {
	MutateFiles(ctx context.Context, workspaceID string, files map[string][]byte) error
}

// cloneFiles copies the contents too: a mutator may keep a slice that it was
// given or has put in.
func cloneFiles(files map[string][]byte) map[string][]byte {
	clone := make(map[string][]byte, len(files))
	for name, content := range files {
		clone[name] = bytes.Clone(content)
	}
	return clone
}

// validPath returns why a file can't be at that path.
func validPath(p string) error {
	switch {
	case p == "":
		return errors.New("the path of a file is empty")
	case strings.ContainsRune(p, 0):
		return fmt.Errorf("file %q: the path holds a NUL byte", p)
	case !wire.IsCleanAbs(p):
		return fmt.Errorf("file %q: the path is not absolute and clean, like /etc/plugin/config", p)
	}
	return nil
}
