package wire

import (
	"path"
	"path/filepath"
)

// IsCleanAbs reports whether p is an absolute path without detours and without a
// separator at its end, on this system or on one with slashes in its paths.
func IsCleanAbs(p string) bool {
	return path.IsAbs(p) && path.Clean(p) == p && p != "/" || filepath.IsAbs(p) && filepath.Clean(p) == p && filepath.Dir(p) != p
}
