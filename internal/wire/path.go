package wire

import (
	"path"
	"path/filepath"
	"strings"
	"unicode"
)

// IsCleanAbs reports whether p is an absolute path without detours, without a
// separator at its end and without control characters, on this system or on one
// with slashes in its paths.
func IsCleanAbs(p string) bool {
	if strings.ContainsFunc(p, unicode.IsControl) {
		return false
	}
	return path.IsAbs(p) && path.Clean(p) == p && p != "/" || filepath.IsAbs(p) && filepath.Clean(p) == p && filepath.Dir(p) != p
}
