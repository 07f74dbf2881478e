package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/safefile"
)

// checkCache looks at what is kept on disk. The command ignores and replaces
// what isn't safe; a token that others could read has been out, though.
func checkCache(_ context.Context, d *diagnosis) finding {
	root, err := platform.OpenFolder(d.Env)
	unsafe, isUnsafe := errors.AsType[safefile.UnsafeError](err)
	switch {
	case errors.Is(err, platform.ErrNoDisk):
		return ok("nothing is kept on this system: each request asks the platform")
	case isUnsafe:
		return wrong("%s, so that nothing is kept: remove it, or set XDG_RUNTIME_DIR to a folder "+
			"of this user's alone", unsafe)
	case err != nil:
		return warn("nothing can be kept, and each request asks the platform: " +
			"set XDG_RUNTIME_DIR to a writable folder of this user's alone")
	}
	defer root.Close()
	names, err := fs.Glob(root.FS(), "*.[jb]*")
	if err != nil {
		return wrong("%s can't be read: %s", root.Name(), err)
	}
	var found []finding
	for _, name := range names {
		path, extension := filepath.Join(root.Name(), name), filepath.Ext(name)
		content, err := safefile.ReadPrivate(root, name)
		switch {
		case extension != ".json" && extension != ".bearer", errors.Is(err, fs.ErrNotExist):
		case err != nil:
			found = append(found, wrong("%s %s: remove it, and take what it held for "+
				"known to others", path, err))
		case extension == ".json":
			if !platform.IsRecord(content, strings.TrimSuffix(name, extension)) {
				found = append(found, warn("%s makes no sense to this version; "+
					"it is replaced when the next token comes", path))
			}
		}
	}
	return worst(append(found, ok("%s is safe", root.Name())))
}
