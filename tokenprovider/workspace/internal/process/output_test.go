package process

import (
	"context"
	"io"
	"os"
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

// Git ends the programs that it started when it is asked to end.
func TestAProgramThatRunsForTooLongIsAskedToEndFirst(t *testing.T) {
	t.Parallel()
	sh := testutil.NeedTool(t, "sh")
	for script, says := range map[string]string{
		"trap 'echo bye; exit 3' TERM; echo up; while :; do /bin/sleep 0.01; done": "up\nbye\n",
		"trap '' TERM; echo up; while :; do /bin/sleep 0.01; done":                 "up\n",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		stdout, _, err := Output(ctx, os.Environ(), "", sh, "-c", script)
		require.Error(t, err)
		require.Equal(t, says, stdout)
		require.Less(t, time.Since(began), time.Minute)
	}
}
