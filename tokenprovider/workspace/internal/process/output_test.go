package process

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestAProgramThatPrintsForEverIsEnded(t *testing.T) {
	t.Parallel()
	sh := testutil.NeedTool(t, "sh")
	for name, script := range map[string]string{
		"to standard output": "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done",
		"to standard error":  "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy >&2; done",
		"to a closed pipe":   "trap '' PIPE; while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy 2>/dev/null; done",
		"in blocks":          "cat /dev/zero",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			stdout, stderr, err := Output(t.Context(), os.Environ(), "", sh, "-c", script)
			require.ErrorIs(t, err, ErrOutput)
			require.LessOrEqual(t, max(len(stdout), len(stderr)), MaxOutput)
			require.Less(t, time.Since(began), time.Minute)
		})
	}
}

func TestOutputReturnsAllThatAProgramPrintsUpToItsBound(t *testing.T) {
	t.Parallel()
	sh := testutil.NeedTool(t, "sh")
	stdin := strings.Repeat("y", MaxOutput)
	stdout, stderr, err := Output(t.Context(), []string{"A=b"}, stdin, sh, "-c",
		`echo "$A" >&2; /bin/cat; exit 3`)
	require.ErrorContains(t, err, "exit status 3")
	require.Equal(t, "b\n", stderr)
	require.True(t, stdout == stdin, "%d bytes", len(stdout))
	_, _, err = Output(t.Context(), nil, stdin+"y", sh, "-c", "/bin/cat")
	require.ErrorIs(t, err, ErrOutput)
}

// os/exec copies by io.Copy, which prefers a ReadFrom to Write.
func TestABoundedBufferHasNoWayPastItsBound(t *testing.T) {
	t.Parallel()
	_, reads := any(&buffer{}).(io.ReaderFrom)
	require.False(t, reads)
}

// A git that is killed leaves the program that talks to a server behind.
func TestWhatAProgramStartedEndsWithItWhenItRunsForTooLong(t *testing.T) {
	t.Parallel()
	sh, pipe := testutil.NeedTool(t, "sh"), filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, exec.Command(testutil.NeedTool(t, "mkfifo"), pipe).Run())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() {
		_, _, err := Output(ctx, append(os.Environ(), "PIPE="+pipe), "", sh, "-c", `sleep 300 >"$PIPE" & wait`)
		ended <- err
	}()
	reader, err := os.Open(pipe) // waits for who writes to it
	require.NoError(t, err)
	defer reader.Close()
	cancel()
	require.Error(t, <-ended)
	rest, err := io.ReadAll(reader) // until nobody has it open any more
	require.NoError(t, err)
	require.Empty(t, rest)
}
