//go:build linux

package platform

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALockEndsAlthoughAnotherProcessHasItsFileStill(t *testing.T) {
	folder := t.TempDir()
	d := openDisk(func(name string) string { return map[string]string{"TMPDIR": folder}[name] },
		"url", "subject")
	require.NotNil(t, d)
	defer d.close()
	unlock, locked := d.lock(t.Context(), 0)
	require.True(t, locked)

	// A copy of the descriptor is what a child has between fork and exec.
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	copied := -1
	for _, fd := range fds {
		target, _ := os.Readlink(filepath.Join("/proc/self/fd", fd.Name()))
		if strings.HasPrefix(target, folder) && strings.HasSuffix(target, ".lock") {
			n, err := strconv.Atoi(fd.Name())
			require.NoError(t, err)
			copied, err = syscall.Dup(n)
			require.NoError(t, err)
		}
	}
	require.NotEqual(t, -1, copied)
	defer syscall.Close(copied)

	_, locked = d.lock(t.Context(), 0)
	require.False(t, locked)
	unlock()
	unlock, locked = d.lock(t.Context(), 0)
	require.True(t, locked)
	unlock()
}
